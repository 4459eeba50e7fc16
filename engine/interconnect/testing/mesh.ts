/** Interconnects on free loopback ports for tests, and waiting without sleeping. */
import pino from 'pino';
import { pollUntil } from '../../kernel/async';
import type { PeerAddress, PeerIdentity } from '../api';
import type { InterconnectLimits } from '../limits';
import { TcpInterconnect, type TcpInterconnectOptions } from '../tcp-interconnect';

export const silent = pino({ level: 'silent' });
export const testSecret = 'a-secret-only-for-tests-0123456789';
export const testCluster = 'cluster-under-test';

export function nodeIdentity(nodeId: string): PeerIdentity {
  return { name: `node:${nodeId}`, kind: 'node', nodeId, incarnation: `incarnation-${nodeId}` };
}

export function eventually(what: string, probe: () => boolean, timeoutMs = 8000): Promise<true> {
  return pollUntil(() => (probe() ? true : undefined), { what, timeoutMs, intervalMs: 5 });
}

/** Starts processes-to-be in this process and stops them all at the end of the test. */
export class Mesh {
  readonly #started: TcpInterconnect[] = [];
  readonly addresses = new Map<string, PeerAddress>();

  constructor(readonly limits: Partial<InterconnectLimits> = {}) {}

  async node(nodeId: string, overrides: Partial<TcpInterconnectOptions> = {}): Promise<TcpInterconnect> {
    const interconnect = new TcpInterconnect({
      self: nodeIdentity(nodeId),
      clusterId: testCluster,
      secret: testSecret,
      listen: { host: '127.0.0.1', port: 0 },
      logger: silent,
      limits: this.limits,
      ...overrides,
    });
    this.#started.push(interconnect);
    const address = await interconnect.start();
    if (address !== null) this.addresses.set(nodeId, address);
    return interconnect;
  }

  /** Two nodes, `a` knows `b` and the other way round, both links up. */
  async pair(): Promise<{ a: TcpInterconnect; b: TcpInterconnect }> {
    const a = await this.node('a');
    const b = await this.node('b');
    a.setPeer('b', this.addresses.get('b')!);
    b.setPeer('a', this.addresses.get('a')!);
    await eventually('both links are up', () => connected(a, 'b') && connected(b, 'a'));
    return { a, b };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((interconnect) => interconnect.stop()));
  }
}

export function connected(from: TcpInterconnect, to: string): boolean {
  return from.linkStatus().some((status) => status.peer === to && status.connected);
}
