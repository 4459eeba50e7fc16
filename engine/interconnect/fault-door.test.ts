import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from './api';
import { FaultDoor } from './fault-door';
import type { TcpInterconnect } from './tcp-interconnect';
import { Mesh, silent } from './testing/mesh';

let mesh: Mesh;
let a: TcpInterconnect;
let b: TcpInterconnect;
let applied: number;
let prepared: number;
const wal = { beforeFaults: async () => void prepared++, applyFaults: () => void applied++ };
const partition = (until: string | undefined): Fault => ({
  peer: null,
  direction: 'both',
  channel: 'both',
  kind: 'partition',
  until,
});
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const door = (rehearsalEnabled = true) => new FaultDoor({ interconnect: b, wal, rehearsalEnabled, logger: silent });

beforeEach(async () => {
  applied = 0;
  prepared = 0;
  mesh = new Mesh();
  ({ a, b } = await mesh.pair());
});
afterEach(() => mesh.stop());

describe('faults of a node', () => {
  it('are injected, told, and end by themselves', async () => {
    b.onRequest('echo', (payload) => payload);
    const fault = partition(inMs(400));
    expect(await door().set([fault], 'admin')).toEqual([fault]);
    expect([prepared, applied]).toEqual([1, 1]);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await a.request('b', 'echo', 1, { timeoutMs: 3000 })).toBe(1);
    expect(door().faults()).toEqual([]);
  });

  it('are ended before their time, from behind the partition', async () => {
    b.onRequest('echo', (payload) => payload);
    await door().set([partition(inMs(60_000))], 'admin');
    expect(await door().set([], 'admin')).toEqual([]);
    expect(await a.request('b', 'echo', 1, { timeoutMs: 3000 })).toBe(1);
  });

  it('are not injected any more when they were lifted while they waited for their connection', async () => {
    let go = () => {};
    const waits: Promise<void>[] = [
      new Promise((resolve) => {
        go = resolve;
      }),
    ];
    const waiting = { beforeFaults: () => waits.pop() ?? Promise.resolve(), applyFaults: () => {} };
    const slow = new FaultDoor({ interconnect: b, wal: waiting, rehearsalEnabled: true, logger: silent });
    const first = slow.set([partition(inMs(60_000))], 'admin');
    expect(await slow.set([], 'admin')).toEqual([]);
    go();
    expect(await first).toEqual([]);
    expect(slow.faults()).toEqual([]);
  });

  it.each([
    ['without an end', partition(undefined)],
    ['that is over', partition(inMs(-1))],
    ['with an unreadable end', partition('soon')],
    ['of two days', partition(inMs(48 * 3_600_000))],
  ])('are refused %s', async (_what, fault) => {
    await expect(door().set([fault], 'admin')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect([prepared, applied]).toEqual([0, 0]);
  });

  it('are off unless rehearsal is enabled', async () => {
    await expect(door(false).set([partition(inMs(1000))], 'admin')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
