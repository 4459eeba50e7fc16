/** Who changes something and asks right after is told the new value, though the view of this console comes later. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClusterView } from '@/engine/cluster/model';
import type { Operation } from '@/engine/operations/model';
import type { EngineClient } from '../../engine-client/api';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import { untilEndSeen } from './own-write';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole();
});
afterEach(() => console.stop());

const call = async (method: string, path: string, body?: unknown): Promise<Wire> =>
  (await console.json(`/api/v1${path}`, { method, body, role: 'operator' })).body;

describe('a change whose view comes later', () => {
  it.each([
    ['/cluster/config', { drain_ms: 4321 }, '/cluster/config', (it: Wire) => it.drain_ms, 4321],
    [
      '/cluster/load-balancer',
      { strategy: 'round_robin' },
      '/cluster/load-balancer',
      (it: Wire) => it.strategy,
      'round_robin',
    ],
    ['/cluster/nodes/node-2', { priority: 7 }, '/cluster/nodes/node-2', (it: Wire) => it.priority, 7],
  ] as const)('PUT %s is read back', async (path, change, where, value, expected) => {
    console.engine.viewDelayMs = 150;
    await call('PUT', path, change);
    expect(value(await call('GET', where))).toBe(expected);
  });
});

describe('configured standbys', () => {
  it('are those that were named, also while one of them does not count', async () => {
    console.engine.change(({ groups }) => ({
      groups: groups.map((one) =>
        one.record.name === 'alpha'
          ? {
              ...one,
              record: {
                ...one.record,
                allowedVoters: ['node-1', 'node-2', 'node-3'],
                voterSet: { members: ['node-2'], k: 1 },
              },
            }
          : one,
      ),
    }));
    const config = await call('GET', '/replication/config?group=alpha');
    expect([config.standby_nodes, config.voters]).toEqual([['node-2', 'node-3'], ['node-2']]);
  });
});

describe('an operation that has ended', () => {
  const ended = new Date();
  const operation = { id: 'o1', state: 'succeeded', finishedAt: ended.toISOString() } as Operation;
  const at = (ms: number, operations: readonly Partial<Operation>[] = []) =>
    ({ at: new Date(ended.getTime() + ms).toISOString(), operations }) as unknown as ClusterView;

  it('is told when the view has what it changed: one from after its end, without it', async () => {
    let view = at(-5);
    const listeners: (() => void)[] = [];
    const engine = {
      current: () => ({ view, live: true }),
      onView: (listener: () => void) => {
        listeners.push(listener);
        return () => undefined;
      },
    } as unknown as EngineClient;
    const told = vi.fn();
    const waiting = untilEndSeen({ engine, signal: new AbortController().signal }, operation).then(told);
    const show = async (next: ClusterView) => {
      view = next;
      for (const listener of listeners) listener();
      await Promise.resolve();
    };
    await show(at(-1, [{ id: 'o1', state: 'running' }]));
    await show(at(1, [{ id: 'o1', state: 'running' }]));
    expect(told).not.toHaveBeenCalled();
    await show(at(2));
    await waiting;
  });

  it('long ago, or not yet, is told at once', async () => {
    const engine = { current: () => ({ view: at(-5), live: true }) } as unknown as EngineClient;
    const call = { engine, signal: new AbortController().signal };
    await untilEndSeen(call, { ...operation, finishedAt: '2026-01-01T00:00:00.000Z' });
    await untilEndSeen(call, { ...operation, state: 'running', finishedAt: null });
  });
});
