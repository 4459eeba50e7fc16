'use client';
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { toast } from 'sonner';
import { failureOf } from '../../feedback/failure';
import { QueryView } from '../../feedback/query-view';
import { EmptyState } from '../../feedback/states';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Service } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CodeBlock, CopyButton } from '../../ui/code';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { words } from '../../ui/format';
import { Facts, PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { connectSnippets, directSnippets, type Snippet } from './connect-snippets';

const columns: readonly Column<Service['endpoints'][number]>[] = [
  { id: 'node', header: 'Node', value: (row) => row.node },
  { id: 'state', header: 'State', value: (row) => row.state, cell: (row) => <Status value={row.state} /> },
  { id: 'role', header: 'Role', value: (row) => row.role, cell: (row) => <Status value={row.role} /> },
  { id: 'region', header: 'Region', value: (row) => row.region },
  { id: 'address', header: 'Directly at', value: (row) => `${row.host}:${row.port}`, className: 'num' },
];

export function ServicePage({ name }: { readonly name: string }) {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.gds.getService.queryOptions({ name }), refetchInterval: 3000 });
  return (
    <QueryView
      query={query}
      what={`the service ${name}`}
      elsewhere={
        <Button asChild>
          <Link href="/services">All services</Link>
        </Button>
      }
      skeleton={<PanelSkeleton label="the service" lines={8} />}
    >
      {(service) => (
        <>
          <PageHeader
            title={service.service_name}
            sentence={
              service.available
                ? `${service.kind === 'rw' ? 'Leads to the primary' : 'Spreads reads over the standbys'} of ${service.group}, whichever ${service.kind === 'rw' ? 'that is' : 'those are'} now.`
                : `Not available: ${(service.reason ?? 'no node can serve it').replace(/\.$/, '')}.`
            }
            actions={<CopyAs call={{ method: 'GET', path: `/gds/services/${service.service_name}` }} />}
          />
          <div className="grid items-start gap-3 lg:grid-cols-[3fr_2fr]">
            <HowToConnect service={service} />
            <Panel title="Facts">
              <Facts
                facts={[
                  {
                    label: 'State',
                    value: (
                      <Status
                        value={service.available ? 'active' : 'down'}
                        label={service.available ? 'available' : 'not available'}
                      />
                    ),
                  },
                  { label: 'Group', value: service.group },
                  { label: 'Strategy', value: words(service.strategy) },
                  { label: 'Open sessions', value: service.open_sessions ?? '–' },
                  { label: 'Built in', value: service.built_in ? 'yes' : 'no' },
                ]}
              />
            </Panel>
          </div>
          <Panel title="Nodes behind it" flush className="mt-3">
            <DataTable
              id="endpoints"
              label="Nodes"
              search={false}
              columns={columns}
              rows={service.endpoints}
              rowId={(row) => row.node}
              empty={<EmptyState title="No node">{service.reason ?? 'No node can serve it now.'}</EmptyState>}
            />
          </Panel>
        </>
      )}
    </QueryView>
  );
}

function Way({
  title,
  sentence,
  snippets,
}: {
  readonly title: string;
  readonly sentence: string;
  readonly snippets: readonly Snippet[];
}) {
  return (
    <section aria-label={title} className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <h3 className="font-medium">{title}</h3>
      <p className="text-[0.92rem] text-muted">{sentence}</p>
      {snippets.map((snippet) => (
        <CodeBlock key={snippet.id} label={snippet.label} code={snippet.code} />
      ))}
    </section>
  );
}

function HowToConnect({ service }: { readonly service: Service }) {
  const client = useTRPCClient();
  const role = useRoleReason('admin');
  const [password, setPassword] = useState<string | null>(null);
  const [pending, setPending] = useState(false);
  const reveal = async () => {
    setPending(true);
    try {
      // Straight from the server into this component: a password has no place in a cache.
      setPassword((await client.gds.getCredentials.query({ name: service.service_name })).password);
    } catch (error) {
      toast.error('Could not reveal the password', { description: failureOf(error).message });
    } finally {
      setPending(false);
    }
  };
  return (
    <Panel
      title="How to connect"
      actions={
        password === null ? (
          <Button
            size="sm"
            disabledReason={role}
            disabled={pending}
            onClick={() => void reveal()}
            tip="This is noted in the audit log"
          >
            Reveal the password
          </Button>
        ) : (
          <>
            <CopyButton text={password} label="Copy the password">
              Copy the password
            </CopyButton>
            <Button size="sm" onClick={() => setPassword(null)}>
              Hide
            </Button>
          </>
        )
      }
    >
      <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
        <Facts
          facts={[
            { label: 'Router', value: <span className="num">{`${service.host}:${service.port}`}</span> },
            { label: 'Database', value: <span className="num">{service.database}</span> },
            { label: 'User', value: <span className="num">{service.user}</span> },
            { label: 'Password', value: <span className="num">{password ?? '••••••••'}</span> },
          ]}
        />
        <Way
          title="Straight to PostgreSQL"
          sentence={`All members in one string; the client finds ${service.kind === 'rw' ? 'the primary' : 'a standby'} itself. Nothing stands between, so it is as fast as PostgreSQL. During a failover connections are refused for a moment instead of held${service.kind === 'ro' ? ', and a standby that lags is used like any other' : ''}.`}
          snippets={directSnippets(service, password)}
        />
        <Way
          title="Through the router"
          sentence="One address, for clients that take only one. New connections wait during a failover. Each message passes one more process: with many short statements an application gets about six tenths of what PostgreSQL can do, with longer ones there is little difference."
          snippets={connectSnippets(service, password)}
        />
      </div>
    </Panel>
  );
}
