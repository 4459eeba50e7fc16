'use client';
/** Who is signed in where: one's own sessions, or everybody's for an admin. Ending one takes effect at once, on every console server. */
import { useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { DangerAction } from '../../feedback/danger-action';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useIdentity } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ConsoleSession } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { Time } from '../../ui/time';

export function EverybodysSessions() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.sessions.list.queryKey(input),
    fetchPage: (cursor) => client.sessions.list.query({ ...input, cursor }),
    refetchInterval: 15_000,
  });
  return (
    <Panel flush title="Sessions">
      <ListView query={query} what="the sessions" needs="admin" skeleton={<TableSkeleton label="sessions" />}>
        {(rows) => <SessionTable id="sessions" rows={rows} withUser />}
      </ListView>
    </Panel>
  );
}

export function OwnSessions() {
  const trpc = useTRPC();
  const calls = useCalls();
  const me = useIdentity();
  const refresh = useRefresh();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.sessions.listOwn.queryKey(input),
    fetchPage: (cursor) => client.sessions.listOwn.query({ ...input, cursor }),
    refetchInterval: 15_000,
  });
  const others = rowsOf(query.data).filter((one) => !one.current).length;
  return (
    <Panel
      flush
      title="Where I am signed in"
      actions={
        <DangerAction
          size="sm"
          door="end-others"
          label="End all others"
          title="End my other sessions"
          description="Whoever uses them must sign in again. This browser stays signed in."
          confirmName={null}
          confirmLabel="End the others"
          disabledReason={others === 0 ? 'There is no other session.' : null}
          call={calls.sessions.revokeAll(me === null ? {} : { user_id: me.id })}
          onDone={(done) => {
            toast.success(done.message);
            return refresh();
          }}
        />
      }
    >
      <ListView query={query} what="my sessions" needs="viewer" skeleton={<TableSkeleton label="my sessions" />}>
        {(rows) => <SessionTable id="own-sessions" rows={rows} />}
      </ListView>
    </Panel>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.sessions.pathKey() });
}

function SessionTable({
  id,
  rows,
  withUser = false,
}: {
  readonly id: string;
  readonly rows: readonly ConsoleSession[];
  readonly withUser?: boolean;
}) {
  const columns: readonly Column<ConsoleSession>[] = [
    ...(withUser ? [{ id: 'user', header: 'User', value: (row: ConsoleSession) => row.user_id }] : []),
    {
      id: 'device',
      header: 'Device',
      value: (row) => deviceOf(row.device),
      cell: (row) => (
        <span title={row.device ?? undefined}>
          {deviceOf(row.device)} {row.current ? <Badge>this one</Badge> : null}
        </span>
      ),
    },
    { id: 'from', header: 'Last address', value: (row) => row.last_used_from, className: 'num' },
    {
      id: 'used',
      header: 'Last used',
      value: (row) => row.last_used_at,
      cell: (row) => <Time at={row.last_used_at} />,
    },
    { id: 'since', header: 'Since', value: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
    { id: 'until', header: 'Until', value: (row) => row.expires_at, cell: (row) => <Time at={row.expires_at} /> },
    { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <EndSession session={row} /> },
  ];
  return (
    <DataTable
      id={id}
      label="Sessions"
      columns={columns}
      rows={rows}
      rowId={(row) => row.id}
      empty={
        <EmptyState title="Nobody is signed in">Sessions appear here when people sign in with a password.</EmptyState>
      }
    />
  );
}

function EndSession({ session }: { readonly session: ConsoleSession }) {
  const calls = useCalls();
  const refresh = useRefresh();
  return (
    <DangerAction
      size="sm"
      label="End"
      title={`End a session of ${session.user_id}`}
      description="It is refused from now on, on every console server, and its live pages are closed."
      confirmName={null}
      confirmLabel="End the session"
      disabledReason={session.current ? 'This is the session you use: sign out instead.' : null}
      call={calls.sessions.revoke({ id: session.id })}
      onDone={refresh}
    />
  );
}

const browsers: readonly (readonly [string, RegExp])[] = [
  ['Edge', /Edg\//],
  ['Firefox', /Firefox\//],
  ['Chrome', /Chrome\//],
  ['Safari', /Safari\//],
];
const systems: readonly (readonly [string, RegExp])[] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
];

function deviceOf(userAgent: string | null): string {
  if (userAgent === null) return 'unknown';
  const find = (known: typeof browsers) => known.find(([, pattern]) => pattern.test(userAgent))?.[0];
  const [browser, system] = [find(browsers), find(systems)];
  return browser ? `${browser}${system ? ` on ${system}` : ''}` : userAgent.slice(0, 40);
}
