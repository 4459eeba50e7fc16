'use client';
/** When the break-glass token was used on this console, and for what. */
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { AuditRecord } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Time } from '../../ui/time';

const columns: readonly Column<AuditRecord>[] = [
  { id: 'at', header: 'When', value: (row) => row.at, cell: (row) => <Time at={row.at} /> },
  { id: 'procedure', header: 'What', value: (row) => row.procedure, className: 'num' },
  { id: 'from', header: 'From', value: (row) => row.client_address, className: 'num' },
  { id: 'outcome', header: 'Outcome', value: (row) => row.outcome },
];

export function BreakGlassUses() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { actor: 'break-glass', limit: 200 };
  const query = usePages({
    queryKey: trpc.audit.list.queryKey(input),
    fetchPage: (cursor) => client.audit.list.query({ ...input, cursor }),
  });
  return (
    <Panel flush title="Uses of the break-glass token on this console">
      <ListView query={query} what="the uses" needs="admin" skeleton={<TableSkeleton label="uses" />}>
        {(rows) => (
          <DataTable
            id="break-glass"
            label="Uses of the break-glass token"
            columns={columns}
            rows={rows}
            rowId={(row) => String(row.sequence)}
            empty={
              <EmptyState title="It was never used">
                Whoever can read the file secrets/break-glass-token of the data directory is admin here, also when no
                account can be read. Every use is recorded.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}
