/** What a recorded coordinator answers about distributed transactions: two that are open, two resource managers beside the groups, and what servers hold prepared. */
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import type { ManagerView, PreparedTransaction, XaRequests, XaTransaction } from '@/engine/xa/door';

type Answers = { [M in keyof XaRequests]: (params: EngineParams<M>, node: string) => EngineResult<M> };

const at = '2026-01-01T00:00:00.000Z';
const id = '0198a1b2c3d4';
const gid = (transaction: string, branch: number) => `rustydb:c0ffee00:alpha:${transaction}:${branch}`;

export function recordedTransaction(patch: Partial<XaTransaction> = {}): XaTransaction {
  const branch = {
    mode: 'managed',
    state: 'prepared',
    prepareWith: [],
    statements: 1,
    error: null,
    endedAt: null,
  } as const;
  return {
    xid: '1:order-4711:0',
    id,
    state: 'prepared',
    coordinator: { group: 'alpha', node: 'node-1' },
    decision: null,
    decidedAt: null,
    branches: [
      { ...branch, resourceManager: 'alpha', kind: 'group', identifier: gid(id, 1), preparedAt: at },
      { ...branch, resourceManager: 'beta', kind: 'group', identifier: gid(id, 2), preparedAt: at },
    ],
    startedAt: at,
    startedBy: 'user:maria',
    endedAt: null,
    deadlineAt: '2026-01-01T00:01:00.000Z',
    reason: null,
    warnings: [],
    ...patch,
  };
}

const open = [
  recordedTransaction(),
  recordedTransaction({ xid: '1:order-4710:0', id: '0198a1b2c3d5', state: 'active' }),
];

function known(xid: string): XaTransaction {
  const found = open.find((one) => one.xid === xid);
  if (found) return found;
  throw new ClusterError('NOT_FOUND', `No transaction ${xid}`, { extra: { xa_code: 'XAER_NOTA' } });
}

function manager(name: string, kind: ManagerView['kind']): ManagerView {
  const outside = kind !== 'group';
  return {
    name,
    kind,
    host: outside ? '127.0.0.1' : null,
    port: outside ? 3306 : null,
    database: outside ? 'billing' : null,
    user: outside ? 'rustydb' : null,
    tls: 'off',
    registeredAt: outside ? at : null,
    registeredBy: outside ? 'user:maria' : null,
    health: { state: 'up', sentence: null, checkedAt: at, version: '18.4', roundTripMs: 0.4, maxPrepared: 64 },
    openBranches: 2,
  };
}

export function recordedPrepared(patch: Partial<PreparedTransaction> = {}): PreparedTransaction {
  return {
    node: 'node-1',
    resourceManager: 'alpha',
    identifier: gid(id, 1),
    owner: 'app',
    database: 'app',
    preparedAt: at,
    ageMs: 720_000,
    ours: { id, coordinator: 'alpha', branch: 1 },
    locks: 3,
    waitingPids: [4711],
    horizonTransactions: 12_034,
    walBytes: 40_000_000,
    ...patch,
  };
}

const heldBy: Readonly<Record<string, readonly PreparedTransaction[]>> = {
  'node-1': [recordedPrepared()],
  'node-4': [
    recordedPrepared({
      node: 'node-4',
      resourceManager: 'beta',
      identifier: 'nightly-import',
      ours: null,
      waitingPids: [],
    }),
  ],
};

const decided = { decision: 'commit', decidedAt: at, decidedBy: 'user:maria', xid: '1:order-4711:0' } as const;
const latency = { p50: 1, p95: 2, p99: 3, max: 4 };

export const recordedXa: Answers = {
  'xa.start': ({ xid }) => ({
    transaction: recordedTransaction({ xid: xid ?? '1:generated:0', state: 'active' }),
    results: [],
  }),
  'xa.execute': ({ xid, work }) => ({
    transaction: known(xid),
    results: work.map(({ resourceManager }) => ({
      resourceManager,
      columns: ['id', 'note'],
      rows: [[1, null]],
      rowCount: 1,
      truncated: false,
    })),
  }),
  'xa.end': ({ xid }) => ({ ...known(xid), state: 'idle' }),
  'xa.prepare': ({ xid }) => known(xid),
  'xa.commit': ({ xid }) => ({ ...known(xid), state: 'committed', decision: 'commit', endedAt: at, deadlineAt: null }),
  'xa.rollback': ({ xid }) => ({
    ...known(xid),
    state: 'rolled_back',
    decision: 'abort',
    endedAt: at,
    deadlineAt: null,
  }),
  'xa.forget': ({ xid }) => ({ ...known(xid), state: 'heuristic', endedAt: at }),
  'xa.get': ({ xid }) => open.find((one) => one.xid === xid) ?? null,
  'xa.list': ({ limit }) => open.slice(0, limit),
  'xa.decisions': ({ ids }) => ids.map((one) => ({ id: one, ...decided })),
  'xa.stats': () => ({
    since: at,
    started: 10,
    committed: 7,
    rolledBack: 1,
    onePhase: 1,
    heuristic: 0,
    timedOut: 0,
    resolvedByJanitor: 0,
    active: 1,
    prepared: 1,
    unfinished: 0,
    latencies: { prepare: latency, decide: latency, commit: latency, total: null },
  }),
  'xa.managers': () => [manager('alpha', 'group'), manager('beta', 'group'), manager('billing', 'mariadb')],
  'xa.manager.register': ({ registration }) => ({
    ...manager(registration.name, registration.kind),
    host: registration.host,
    openBranches: 0,
  }),
  'xa.manager.remove': ({ name }) => ({ removed: name === 'billing', givenUp: [] }),
  'xa.prepared.outside': () => ({
    prepared: [
      recordedPrepared({
        node: null,
        resourceManager: 'billing',
        identifier: "'c0ffee00:0198a1b2c3d4','abcd1234:3',1381259330",
        owner: null,
        database: null,
        preparedAt: null,
        ageMs: null,
        ours: { id, coordinator: null, branch: 3 },
        locks: null,
        waitingPids: [],
        horizonTransactions: null,
        walBytes: null,
      }),
    ],
    missing: [],
  }),
  'xa.prepared': (_params, node) => ({ prepared: heldBy[node] ?? [], total: heldBy[node]?.length ?? 0 }),
  'xa.branch.end': () => ({ decision: { id, ...decided } }),
};
