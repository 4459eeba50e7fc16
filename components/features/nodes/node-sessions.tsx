'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { toast } from 'sonner';
import { DangerAction } from '../../feedback/danger-action';
import { ListView } from '../../feedback/list-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Session } from '../../providers/wire';
import { CodeBlock } from '../../ui/code';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { Checkbox } from '../../ui/input';
import { Facts, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { blockersOf, rootBlockers, waitersBehind } from './blocking';

export function NodeSessions({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const [background, setBackground] = useUrlState('background', '');
  const [selected, setSelected] = useUrlState('session', '');
  const all = background !== '';
  const client = useTRPCClient();
  const input = { id, limit: longestPage };
  const query = usePages({
    queryKey: trpc.cluster.listSessions.queryKey(input),
    fetchPage: (cursor) => client.cluster.listSessions.query({ ...input, cursor }),
    refetchInterval: 2000,
  });
  const known = useMemo(() => rowsOf(query.data), [query.data]);
  const sessions = useMemo(
    () => known.filter((session) => all || session.backend_type === 'client backend'),
    [known, all],
  );
  const columns = useColumns(id, sessions);
  const blockers = rootBlockers(sessions);
  const open = known.find((session) => String(session.pid) === selected);
  return (
    <Panel
      title="Sessions"
      note="measured every 2 s"
      flush
      actions={<CopyAs call={{ method: 'GET', path: `/cluster/nodes/${id}/sessions` }} />}
    >
      <ListView query={query} what="the sessions" skeleton={<TableSkeleton label="sessions" />}>
        {() => (
          <>
            {blockers.length > 0 ? (
              <div className="p-3 pb-0">
                <PartialNote>
                  {blockers
                    .map((one) => `${one.pid} blocks ${counted(waitersBehind(sessions, one.pid), 'session')}`)
                    .join(', ')}
                  . Ending the first frees those behind it.
                </PartialNote>
              </div>
            ) : null}
            <DataTable
              id="sessions"
              label="Sessions"
              columns={columns}
              rows={sessions}
              rowId={(row) => String(row.pid)}
              sort="-blocks"
              selectedId={selected === '' ? null : selected}
              onOpen={(row) => setSelected(String(row.pid))}
              toolbar={
                <Checkbox
                  label="Also background processes"
                  checked={all}
                  onChange={(event) => setBackground(event.target.checked ? '1' : '')}
                />
              }
              empty={
                <EmptyState title="Nobody is connected">
                  Sessions of clients appear here; connect through a service of the group.
                </EmptyState>
              }
            />
          </>
        )}
      </ListView>
      <Sheet
        open={open !== undefined}
        onOpenChange={() => setSelected('')}
        title={`Session ${selected}`}
        description={open?.application_name ?? undefined}
      >
        {open ? <SessionDetails id={id} session={open} /> : null}
      </Sheet>
    </Panel>
  );
}

function useColumns(id: string, sessions: readonly Session[]): readonly Column<Session>[] {
  return useMemo(
    () => [
      { id: 'pid', header: 'Pid', align: 'right', value: (row) => row.pid },
      { id: 'user', header: 'User', value: (row) => row.user },
      { id: 'database', header: 'Database', value: (row) => row.database },
      { id: 'application', header: 'Application', value: (row) => row.application_name },
      { id: 'client', header: 'Client', value: (row) => row.client_address, hidden: true },
      { id: 'state', header: 'State', value: (row) => row.state ?? row.backend_type },
      {
        id: 'wait',
        header: 'Waits for',
        value: (row) => (row.wait_event ? `${row.wait_event_type}: ${row.wait_event}` : null),
      },
      {
        id: 'blocked',
        header: 'Blocked by',
        value: (row) => blockersOf(row).join(' '),
        cell: (row) => (row.blocked_by.length === 0 ? '' : <Badge tone="warn">{blockersOf(row).join(', ')}</Badge>),
      },
      {
        id: 'blocks',
        header: 'Blocks',
        align: 'right',
        value: (row) => waitersBehind(sessions, row.pid),
        cell: (row) => waitersBehind(sessions, row.pid) || '',
      },
      {
        id: 'transaction',
        header: 'Transaction',
        value: (row) => row.transaction_started_at,
        cell: (row) => (row.transaction_started_at ? <Time at={row.transaction_started_at} /> : ''),
      },
      { id: 'query', header: 'Statement', value: (row) => row.query, className: 'num max-w-[28rem]' },
      { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <EndSession id={id} session={row} /> },
    ],
    [id, sessions],
  );
}

function EndSession({ id, session }: { readonly id: string; readonly session: Session }) {
  const calls = useCalls();
  const queryClient = useQueryClient();
  const trpc = useTRPC();
  const role = useRoleReason('operator');
  const reason =
    role ??
    (session.backend_type === 'client backend' ? null : 'A background process of PostgreSQL is not ended from here.');
  const end = (mode: 'cancel' | 'terminate') => calls.cluster.endSession({ id, pid: session.pid, mode });
  const ended = ({ message }: { readonly message: string }) => {
    toast.success(message);
    void queryClient.invalidateQueries({ queryKey: trpc.cluster.listSessions.queryKey({ id }) });
  };
  const facts = <Facts facts={factsOf(session)} />;
  return (
    <span className="flex gap-1">
      <DangerAction
        size="sm"
        tone="default"
        label="Cancel"
        title={`Cancel the statement of session ${session.pid}`}
        description="The statement ends with an error; the session stays."
        confirmName={null}
        confirmLabel="Cancel the statement"
        disabledReason={reason ?? (session.state === 'active' ? null : 'It runs no statement now.')}
        call={end('cancel')}
        onDone={ended}
      >
        {facts}
      </DangerAction>
      <DangerAction
        size="sm"
        label="Terminate"
        title={`Terminate session ${session.pid}`}
        description={`The connection ends; an open transaction is rolled back.${isOurs(session) ? ' It is the cluster’s own: whoever holds it connects again at once.' : ''}`}
        confirmName={String(session.pid)}
        confirmLabel="Terminate the session"
        disabledReason={reason}
        call={end('terminate')}
        onDone={ended}
      >
        {facts}
      </DangerAction>
    </span>
  );
}

/** Of the agents and the standbys. */
const ownUsers: readonly string[] = ['rustydb', 'rustydb_repl'];

function isOurs(session: Session): boolean {
  return session.user !== null && ownUsers.includes(session.user);
}

function factsOf(session: Session) {
  return [
    { label: 'User', value: session.user ?? '–' },
    { label: 'Database', value: session.database ?? '–' },
    { label: 'Application', value: session.application_name || '–' },
    { label: 'Client', value: session.client_address ?? 'local' },
    { label: 'State', value: session.state ?? session.backend_type },
    { label: 'Connected', value: <Time at={session.started_at} /> },
    {
      label: 'Transaction',
      value: session.transaction_started_at ? <Time at={session.transaction_started_at} /> : 'none',
    },
    { label: 'Last statement', value: session.query_started_at ? <Time at={session.query_started_at} /> : 'none' },
    ...(session.blocked_by.length > 0 ? [{ label: 'Blocked by', value: blockersOf(session).join(', ') }] : []),
  ];
}

function SessionDetails({ id, session }: { readonly id: string; readonly session: Session }) {
  return (
    <div className="grid gap-3">
      <Facts facts={factsOf(session)} />
      {session.query ? <CodeBlock code={session.query} label="Last statement" /> : null}
      <EndSession id={id} session={session} />
    </div>
  );
}
