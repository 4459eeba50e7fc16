/** A change of settings either comes to its end or leaves no member changed, whichever step fails and whichever controller is killed on the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Txn } from '../control/store';
import { pollUntil } from '../kernel/async';
import { groupName, SimulatedWorld, type WorldOptions } from '../testing/simulated-agents';
import { isFinished, type Operation } from './model';

let directory: string;
let world: SimulatedWorld | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-settings-'));
});
afterEach(async () => {
  await world?.stop();
  world = null;
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

async function begin(options: Omit<WorldOptions, 'archiveDirectory'> = {}): Promise<SimulatedWorld> {
  // Long, so that a busy machine starts no failover in between.
  const of = new SimulatedWorld({ config: { leaseMs: 20_000 }, ...options, archiveDirectory: directory });
  world = of;
  of.start();
  await until('members are healthy', () => {
    const { nodes } = of.leader.view();
    return nodes.length === of.nodes.size && nodes.every((node) => node.status === 'healthy') ? true : undefined;
  });
  return of;
}

const until = <T>(what: string, probe: () => T | undefined): Promise<T> =>
  pollUntil(probe, { timeoutMs: 10_000, intervalMs: 5, what });

function change(of: SimulatedWorld, settings: Record<string, string | null>): Promise<Operation> {
  const requester = { by: 'tester', reason: 'test', requestId: null, admin: true };
  return of.leader.handle('operation.start', {
    request: { kind: 'change-settings', group: groupName, settings },
    requester,
    planHash: null,
    idempotencyKey: null,
  });
}

const ended = (of: SimulatedWorld, id?: string) =>
  until('the operation has ended', () =>
    of.store
      .as('x')
      .localList('operations/')
      .map((entry) => entry.value as unknown as Operation)
      .find((operation) => (id === undefined || operation.id === id) && isFinished(operation.state)),
  );

const before = { work_mem: '4MB' };
const everywhere = (of: SimulatedWorld, field: 'settings' | 'runs') =>
  [...of.nodes.values()].map((node) => node[field]);
function set(of: SimulatedWorld): void {
  for (const node of of.nodes.values()) Object.assign(node, { settings: { ...before }, runs: { ...before } });
}

describe('a change of settings', () => {
  it('goes on without a member that is heard of and not connected: it has just been added, or has just gone', async () => {
    const of = await begin({ record: { settings: before } });
    set(of);
    of.node('node-3').alive = false;
    await change(of, { work_mem: '8MB' });
    expect(await ended(of)).toMatchObject({ state: 'succeeded', error: null });
    expect(of.record).toMatchObject({ settings: { work_mem: '8MB' } });
  });

  it('that a member refuses is taken back from the record and from every member', async () => {
    const of = await begin({ record: { settings: before } });
    set(of);
    of.node('node-3').failing.add('agent.settings');
    await change(of, { work_mem: '8MB', jit: 'on' });
    const done = await ended(of);
    expect(done).toMatchObject({ state: 'compensated', error: { code: 'CONFLICT' } });
    expect(of.record).toMatchObject({ settings: before, operation: null });
    expect(everywhere(of, 'settings')).toEqual([before, before, before]);
  });

  it('with which a standby does not start is undone also where it had been restarted, and the next change works', async () => {
    const of = await begin({ record: { settings: before } });
    set(of);
    of.refusedAtStart.add('node-3 1TB');
    await change(of, { shared_buffers: '1TB' });
    const done = await ended(of);
    expect(done).toMatchObject({
      state: 'compensated',
      error: { message: 'PostgreSQL of node-3 does not start: no memory' },
    });
    expect(of.record).toMatchObject({ primary: 'node-1', epoch: 1, settings: before, operation: null });
    expect(everywhere(of, 'settings')).toEqual([before, before, before]);
    expect(everywhere(of, 'runs')).toEqual([before, before, before]);
    const { id } = await change(of, { work_mem: '9MB' });
    expect((await ended(of, id)).state).toBe('succeeded');
    expect(of.record.settings).toEqual({ work_mem: '9MB' });
  });

  it('with which a server would not start is refused before anything is changed, in its words', async () => {
    const of = await begin();
    of.refusedSettings = 'could not access file "nothing": No such file or directory';
    await expect(change(of, { shared_preload_libraries: 'nothing' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('could not access file "nothing"'),
    });
    expect(of.commands.filter((command) => command.endsWith('agent.settings'))).toEqual([]);
  });

  it('of replication is undone whole: the commit mode and the chosen standbys too', async () => {
    const of = await begin({ record: { settings: before } });
    set(of);
    const { mode, allowedVoters = null } = of.record;
    of.node('node-3').failing.add('agent.settings');
    await of.leader.handle('operation.start', {
      request: {
        kind: 'configure-replication',
        group: groupName,
        mode: 'synchronous',
        standbys: ['node-2'],
        settings: { work_mem: '8MB' },
      },
      requester: { by: 'tester', reason: 'test', requestId: null, admin: true },
      planHash: null,
      idempotencyKey: null,
    });
    expect((await ended(of)).state).toBe('compensated');
    expect(of.record).toMatchObject({ allowedVoters, settings: before, operation: null });
    expect(of.record.wantedMode ?? of.record.mode).toBe(mode);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'is whole or undone when the controller is killed after entry %i',
    async (entry) => {
      const of = await begin({ record: { settings: before } });
      set(of);
      of.refusedAtStart.add('node-3 1TB');
      let entries = 0;
      of.store.afterTxn = (txn: Txn) => {
        if (!txn.mutations.some((mutation) => mutation.key.startsWith('operations/')) || ++entries !== entry) return;
        const leader = of.store.leader!;
        of.killController(leader);
        const next = [...of.controllers].find(([id, other]) => id !== leader && !other.member.dead)![0];
        setImmediate(() => of.store.lead(next));
      };
      void change(of, { shared_buffers: '1TB' }).catch(() => undefined);
      const done = await ended(of);
      expect(done.state).toBe('compensated');
      expect(of.record).toMatchObject({ settings: before, operation: null });
      expect(everywhere(of, 'settings')).toEqual([before, before, before]);
      expect(everywhere(of, 'runs')).toEqual([before, before, before]);
    },
  );
});
