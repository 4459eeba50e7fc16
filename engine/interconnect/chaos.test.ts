/** Random faults, restarts and traffic on three nodes, from a seed; then everything heals and must work again. */
import { afterEach, describe, expect, it } from 'vitest';
import { delay, pollUntil } from '../kernel/async';
import { isClusterError } from '../kernel/errors';
import type { Fault } from './api';
import type { TcpInterconnect } from './tcp-interconnect';
import { connected, eventually, Mesh } from './testing/mesh';
import { seeded } from './testing/seeded';

const names = ['a', 'b', 'c'];
const timeoutMs = 150;
let mesh: Mesh;
afterEach(() => mesh.stop());

function randomFault(random: () => number): Fault {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  return {
    peer: pick([...names, null]),
    direction: pick(['in', 'out', 'both'] as const),
    channel: 'interconnect',
    kind: pick(['partition', 'drop', 'delay'] as const),
    probability: random(),
    delayMs: random() * 60,
    jitterMs: random() * 30,
  };
}

describe.each([1, 2, 3])('chaos, seed %i', (seed) => {
  it('every request ends exactly once and in time; after healing all nodes answer each other', async () => {
    const random = seeded(seed);
    mesh = new Mesh({ pingMs: 50, silenceMs: 250, handshakeMs: 200, queueBytes: 50_000, queueMessages: 200 });
    const nodes = new Map<string, TcpInterconnect>();
    const outcomes: Record<string, number> = {};
    let open = 0;
    const wire = (name: string) => {
      nodes.get(name)!.onRequest('echo', async (payload) => {
        if (random() < 0.3) await delay(random() * 20);
        return payload;
      });
      for (const other of names) {
        nodes.get(name)!.setPeer(other, mesh.addresses.get(other)!);
      }
    };
    for (const name of names) nodes.set(name, await mesh.node(name, { random }));
    for (const name of names) wire(name);

    const ask = async (from: string, to: string, n: number) => {
      open++;
      let outcome = 'answered';
      try {
        expect(await nodes.get(from)!.request(to, 'echo', n, { timeoutMs })).toBe(n);
      } catch (error) {
        if (!isClusterError(error)) throw error;
        outcome = error.code;
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      open--;
    };
    const running: Promise<void>[] = [];
    let n = 0;
    for (let round = 0; round < 60; round++) {
      const name = names[Math.floor(random() * names.length)]!;
      if (random() < 0.1) {
        await nodes.get(name)!.stop();
        nodes.set(name, await mesh.node(name, { random, listen: mesh.addresses.get(name)! }));
        wire(name);
      } else {
        nodes.get(name)!.setFaults(random() < 0.4 ? [] : [randomFault(random)]);
      }
      for (const from of names) {
        for (const to of names) running.push(ask(from, to, n++));
      }
      await delay(random() * 25);
    }
    await Promise.all(running);
    expect(open).toBe(0);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(n);
    expect(['TIMEOUT', 'UNAVAILABLE', 'answered']).toEqual(expect.arrayContaining(Object.keys(outcomes)));
    // Some got through, and the faults hit some: which way they ended is the machine's.
    expect(outcomes.answered).toBeGreaterThan(0);
    expect(outcomes.answered).toBeLessThan(n);

    for (const node of nodes.values()) node.setFaults([]);
    await eventually('all are connected', () =>
      names.every((from) => names.every((to) => from === to || connected(nodes.get(from)!, to))),
    );
    for (const from of names) {
      for (const to of names) {
        // A machine that stands still for longer than the silence that links bear loses one of them again for a moment.
        const answer = () => nodes.get(from)!.request<string>(to, 'echo', to, { timeoutMs: 3000 });
        await pollUntil(async () => ((await answer().catch(() => null)) === to ? true : undefined), {
          timeoutMs: 10_000,
          intervalMs: 20,
          what: `${to} answers ${from}`,
        });
      }
    }
  });
});
