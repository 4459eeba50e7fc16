'use client';
import Link from 'next/link';
import { QueryView } from '../../feedback/query-view';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { PageHeader } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { operationName } from './operation-name';
import { OperationView, useOperation } from './operation-view';

export function OperationPage({ id }: { readonly id: string }) {
  const query = useOperation(id);
  return (
    <QueryView
      query={query}
      what={`the operation ${id}`}
      elsewhere={
        <Button asChild>
          <Link href="/operations">All operations</Link>
        </Button>
      }
      skeleton={<PanelSkeleton label="the operation" lines={8} />}
    >
      {(operation) => (
        <>
          <PageHeader
            title={operationName(operation)}
            sentence={operation.summary[0] ?? operation.reason ?? `Requested by ${operation.requested_by}.`}
            actions={
              <>
                {operation.kind === 'failover' ? (
                  <Button asChild>
                    <Link href={`/failover/${operation.id}`}>Failover timeline</Link>
                  </Button>
                ) : null}
                <CopyAs call={{ method: 'GET', path: `/operations/${operation.id}` }} />
              </>
            }
          />
          <OperationView operation={operation} />
        </>
      )}
    </QueryView>
  );
}
