import { describe, expect, it } from 'vitest';
import { deferred } from '../kernel/async';
import type { EngineEvent } from '../monitoring/model';
import type { LogLine, LogPage } from '../runtime/engine-api';
import { cluster } from '../testing/cluster-fixture';
import type { PostgresReport, Problem } from './model';
import { ReplicationErrors } from './replication-errors';

const nowMs = Date.parse('2026-01-01T00:00:10.000Z');
const problem = (fields: Partial<Problem> = {}): Problem => ({
  rule: 'standby-not-streaming',
  severity: 'warning',
  node: 'node-2',
  group: 'alpha',
  sentence: 'node-2 does not stream from node-1.',
  since: '2026-01-01T00:00:10.000Z',
  remedy: 'See its log.',
  ...fields,
});
const line = (message: string, more: Partial<LogLine> = {}): LogLine => ({
  at: '2026-01-01T00:00:09.000Z',
  level: 'FATAL',
  pid: 7,
  message,
  sqlState: null,
  user: null,
  database: null,
  ...more,
});
const gone = 'could not receive data from WAL stream: server closed the connection unexpectedly';

type Setup = {
  readonly postgres?: Partial<PostgresReport>;
  readonly primary?: Partial<PostgresReport>;
  readonly fatal?: () => Promise<LogPage>;
};

function told({ postgres = { walReceiver: null }, primary = {}, fatal }: Setup, ...problems: readonly Problem[]) {
  const events: Omit<EngineEvent, 'eventId' | 'timestamp'>[] = [];
  const state = { term: 3, asked: 0 };
  const { groups } = cluster({ nodes: { 'node-1': { postgres: primary }, 'node-2': { postgres } } });
  const errors = new ReplicationErrors({
    group: (name) => groups.get(name),
    fatal: () => {
      state.asked++;
      return fatal ? fatal() : Promise.resolve({ lines: [], next: null });
    },
    term: () => state.term,
    leaseMs: () => 2_000,
    nowMs: () => nowMs,
    emit: (event) => void events.push(event),
  });
  errors.begun(problems);
  return { events, state, settled: () => new Promise<void>((resolve) => setImmediate(resolve)) };
}

describe('a stream that broke', () => {
  it('is told with what PostgreSQL said, not with what a session was told or what it said long ago', async () => {
    const lines = [
      line('long ago', { at: '2025-12-31T00:00:00.000Z' }),
      line(gone),
      line('the database system is starting up', { user: 'app', database: 'shop' }),
    ];
    const { events, settled } = told({ fatal: async () => ({ lines, next: null }) }, problem());
    await settled();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      category: 'replication',
      eventType: 'replication_error',
      severity: 'error',
      source: 'replica:node-2',
      payload: { replica_id: 'node-2', group: 'alpha', cause: 'wal_receiver_gone', postgres_said: gone },
    });
    const old = told({ fatal: async () => ({ lines: lines.slice(0, 1), next: null }) }, problem());
    await old.settled();
    expect(old.events[0]?.payload.postgres_said).toBeNull();
  });

  it('is told without words when the node does not answer', async () => {
    const { events, settled } = told({ fatal: () => Promise.reject(new Error('silent')) }, problem());
    await settled();
    expect(events.map((event) => event.payload.postgres_said)).toEqual([null]);
  });

  it('is not told for a leader that has gone', async () => {
    const answer = deferred<LogPage>();
    const { events, state, settled } = told({ fatal: () => answer.promise }, problem());
    state.term = 4;
    answer.resolve({ lines: [], next: null });
    await settled();
    expect(events).toEqual([]);
  });

  it('asks no more than 16 nodes at once; the others are told without words', async () => {
    const many = Array.from({ length: 40 }, () => problem());
    const { events, state, settled } = told({ fatal: () => deferred<LogPage>().promise }, ...many);
    await settled();
    expect(state.asked).toBe(16);
    expect(events).toHaveLength(24);
  });

  const lost = { name: 'rustydb_node_2', walStatus: 'lost', invalidationReason: 'wal_removed' };
  it.each<[string, Setup, Partial<Problem>, string | null]>([
    [
      'a receiver that waits',
      { postgres: { walReceiver: { status: 'waiting', fromNode: null } } },
      {},
      'wal_receiver_not_streaming',
    ],
    ['a server that is not up', { postgres: { state: 'stopped' } }, {}, 'server_not_following'],
    ['a timeline of its own', { postgres: { timeline: 1, lsn: 'F/0', walReceiver: null } }, {}, 'timeline_diverged'],
    ['its slot is lost', { primary: { slots: [lost as never] } }, {}, 'slot_lost'],
    ['a slot of a consumer is lost', {}, { rule: 'slot-lost', severity: 'critical' }, 'slot_lost'],
    ['a change on purpose', {}, { severity: 'info' }, null],
    ['a node that is still being copied', { postgres: { state: 'absent' } }, {}, null],
    ['another problem', {}, { rule: 'standby-lag' }, null],
  ])('%s', async (_, setup, fields, cause) => {
    const { events, settled } = told(setup, problem(fields));
    await settled();
    expect(events.map((event) => event.payload.cause)).toEqual(cause === null ? [] : [cause]);
  });
});
