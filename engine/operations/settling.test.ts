/** A request right after a change waits for what is being applied; what repeats it, or would be refused anyway, is refused at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred, pollUntil } from '../kernel/async';
import type { StartOperation } from '../runtime/engine-api';
import { cluster, type FixtureOptions } from '../testing/cluster-fixture';
import { groupName, SimulatedWorld } from '../testing/simulated-agents';
import { refusedByWhatIsApplied, settlingMs } from './core/being-applied';
import { planOperation } from './core/plan';
import { isFinished, type Operation, type OperationRequest } from './model';

const until = <T>(what: string, probe: () => T | undefined): Promise<T> =>
  pollUntil(probe, { timeoutMs: 20_000, intervalMs: 5, what });

const switchover: OperationRequest = { kind: 'failover', group: groupName, mode: 'switchover' };
const restart: OperationRequest = { kind: 'restart-node', node: 'node-2' };
const configure: OperationRequest = {
  kind: 'configure-replication',
  group: groupName,
  mode: 'semi_synchronous',
  standbys: ['node-2', 'node-3'],
  settings: {},
};
const settings: OperationRequest = { kind: 'change-settings', group: groupName, settings: { work_mem: '8MB' } };
const start = (request: OperationRequest, more: Partial<StartOperation> = {}): StartOperation => ({
  request,
  requester: { by: 'tester', reason: null, requestId: null, admin: true },
  planHash: null,
  idempotencyKey: null,
  ...more,
});

describe('asked while a member restarts', () => {
  let directory: string;
  let world: SimulatedWorld;
  let release: () => void;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rustydb-settling-'));
    // Long, so that a busy machine starts no failover in between.
    world = new SimulatedWorld({ config: { leaseMs: 20_000 }, archiveDirectory: directory });
    world.start();
    await until('the members are healthy', () => {
      const { nodes } = world.leader.view();
      return nodes.length === 3 && nodes.every((node) => node.status === 'healthy') ? true : undefined;
    });
    const held = deferred<void>();
    release = () => held.resolve();
    world.held.set('agent.restart', held.promise);
    await world.leader.handle('operation.start', start(restart));
    await until('it restarts', () => (world.commands.includes('node-2 agent.restart') ? true : undefined));
  });
  afterEach(async () => {
    release();
    await world.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  });

  it.each<OperationRequest>([switchover, configure, settings])(
    '$kind waits for it, as plan and as call',
    async (request) => {
      const asked = ['operation.plan', 'operation.start'] as const;
      const answers: string[] = [];
      const both = asked.map(async (method) => {
        const answer = await world.leader.handle(method, start(request));
        answers.push(method);
        return answer;
      });
      const now = await world.leader.handle('operation.plan', start(request, { asItIs: true }));
      expect(now.error?.reasons.map(({ rule }) => rule)).toContain('no-operation-running');
      expect(answers).toEqual([]);
      release();
      const [plan, begun] = await Promise.all(both);
      expect(plan!.error ?? null).toBeNull();
      const { id } = begun!;
      const done = await until('it has ended', () => {
        const operation = world.store.value<Operation | undefined>(`operations/${id}`);
        return operation && isFinished(operation.state) ? operation : undefined;
      });
      expect(done).toMatchObject({ state: 'succeeded' });
    },
  );

  it('the same restart again is refused at once', async () => {
    await expect(world.leader.handle('operation.start', start(restart))).rejects.toMatchObject({
      details: { clusterCode: 'CLU_OPERATION_RUNNING' },
    });
  });
});

describe('refused by what is applied', () => {
  const running = (request: OperationRequest): Operation =>
    ({ id: 'o1', kind: request.kind, group: groupName, request, state: 'running' }) as unknown as Operation;
  const starting = { 'node-2': { postgres: { state: 'recovering', timeline: null, lsn: null } } } as const;
  const both = { ...starting, 'node-3': starting['node-2'] };
  const busy = { operation: 'o1' } as const;

  it.each<[string, boolean, FixtureOptions, Operation[], number | null, OperationRequest?]>([
    ['not refused', false, {}, [running(settings)], 10],
    ['settings are applied', true, { group: busy }, [running(settings)], null],
    ['replication is configured', true, { group: busy }, [running(configure)], null],
    ['another switchover runs', false, { group: busy }, [running(switchover)], null],
    ['configured twice', true, { group: busy }, [running(configure)], null, configure],
    ['standbys start after a change', true, { nodes: both }, [], settlingMs],
    ['standbys start, nothing was changed', false, { nodes: both }, [], null],
    ['standbys start long after a change', false, { nodes: both }, [], settlingMs + 1],
    ['a wished mode is not in force', true, { nodes: both, group: { wantedMode: 'synchronous' } }, [], null],
    ['a lease becomes longer', true, { nodes: both, config: { leaseMs: 3_000 }, group: { leaseMs: 2_000 } }, [], null],
    ['no majority', false, { group: busy, hasQuorum: false }, [running(settings)], 10],
    [
      'standbys were stopped by hand',
      false,
      { nodes: { 'node-2': { record: { wanted: 'stopped' } }, 'node-3': { record: { wanted: 'stopped' } } } },
      [],
      10,
    ],
    [
      'one was stopped, the other starts',
      true,
      { nodes: { 'node-2': starting['node-2'], 'node-3': { record: { wanted: 'stopped' } } } },
      [],
      10,
    ],
  ])('%s: %s', (_, expected, options, operations, changedMsAgo, request = switchover) => {
    const snapshot = { ...cluster(options), operations };
    const plan = planOperation(request, snapshot, { admin: true });
    expect(refusedByWhatIsApplied(plan, request, snapshot, changedMsAgo)).toBe(expected);
  });
});
