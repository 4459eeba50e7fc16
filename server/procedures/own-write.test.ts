/** Who changes something and asks right after is told the new value, though the view of this console comes later. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';

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
