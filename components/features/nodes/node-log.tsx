'use client';
import { useMemo, useState } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { LogLine } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { formatClock } from '../../ui/format';
import { Input, Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, type Tone } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { ForRole } from '../frame/for-role';

const tones: Readonly<Record<string, Tone>> = { ERROR: 'bad', FATAL: 'bad', PANIC: 'bad', WARNING: 'warn' };
const levels = ['warning', 'error', 'log', 'fatal', 'panic', 'info', 'notice'] as const;

const columns: readonly Column<LogLine>[] = [
  {
    id: 'at',
    header: 'When',
    hint: 'In your time zone; both zones are in the tooltip of each',
    value: (row) => row.at,
    cell: (row) => (
      <>
        <span className="num mr-2">{formatClock(row.at)}</span>
        <span className="text-muted">
          <Time at={row.at} />
        </span>
      </>
    ),
  },
  {
    id: 'level',
    header: 'Level',
    value: (row) => row.level,
    cell: (row) => <Badge tone={tones[row.level] ?? 'idle'}>{row.level}</Badge>,
  },
  {
    id: 'message',
    header: 'Message',
    value: (row) => row.message,
    className: 'num max-w-[50rem] whitespace-normal break-words',
  },
  { id: 'state', header: 'SQLSTATE', value: (row) => row.sql_state },
  { id: 'user', header: 'User', value: (row) => row.user },
  { id: 'database', header: 'Database', value: (row) => row.database, hidden: true },
  { id: 'pid', header: 'Pid', align: 'right', value: (row) => row.pid },
];

export function NodeLog({ id }: { readonly id: string }) {
  return (
    <ForRole needs="operator" what="the log">
      <Log id={id} />
    </ForRole>
  );
}

function Log({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const [level, setLevel] = useUrlState('level', '');
  const [contains, setContains] = useUrlState('contains', '');
  const [following, setFollowing] = useState(true);
  const input = {
    id,
    limit: 300,
    ...(level === '' ? {} : { level: level as (typeof levels)[number] }),
    ...(contains === '' ? {} : { contains }),
  };
  const query = usePages({
    queryKey: trpc.cluster.getNodeLogs.queryKey(input),
    fetchPage: (cursor) => client.cluster.getNodeLogs.query({ ...input, cursor }),
    refetchInterval: following ? 2000 : false,
  });
  // Each page is in reading order and the next one came before it.
  const lines = useMemo(
    () =>
      [...(query.data?.pages ?? [])]
        .reverse()
        .flatMap((page) => page.items)
        .map((line, index) => ({ ...line, index })),
    [query.data],
  );
  return (
    <Panel
      title="PostgreSQL log"
      note={following ? 'following, newest first' : 'paused'}
      flush
      actions={
        <>
          <Button size="sm" aria-pressed={following} onClick={() => setFollowing(!following)}>
            {following ? 'Pause' : 'Follow'}
          </Button>
          <CopyAs call={{ method: 'GET', path: `/cluster/nodes/${id}/logs?limit=300` }} />
        </>
      }
    >
      <ListView
        query={query}
        what="the log"
        needs="operator"
        skeleton={<TableSkeleton label="the log" rows={8} />}
        more="Load older lines"
      >
        {() => (
          <DataTable
            id="log"
            label="Log lines"
            search={false}
            columns={columns}
            rows={lines}
            rowId={(row) => `${row.at}-${'index' in row ? row.index : 0}`}
            sort="-at"
            toolbar={
              <>
                <Input
                  type="search"
                  aria-label="Only lines with this text"
                  placeholder="Contains"
                  className="w-52"
                  defaultValue={contains}
                  onKeyDown={(event) => event.key === 'Enter' && setContains(event.currentTarget.value)}
                  onBlur={(event) => setContains(event.target.value)}
                />
                <Select
                  aria-label="Level"
                  className="w-32"
                  value={level}
                  options={[{ value: '', label: 'All levels' }, ...levels.map((value) => ({ value, label: value }))]}
                  onChange={(event) => setLevel(event.target.value)}
                />
              </>
            }
            empty={
              <EmptyState title="No lines">
                {query.hasNextPage ? 'Nothing in the newest part of the log matches.' : 'Nothing in the log matches.'}
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}
