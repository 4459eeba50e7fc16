/**
 * Which address of a node counts: the one its launcher gave at this process's start, or the one in its record. Invariant: where the two differ the
 * launcher's holds until the record has once said the same; after a start on moved ports no record can change before the agents, reached at
 * their new addresses, have a majority again.
 */
import type { NodeId } from '../kernel/ids';
import type { PeerAddress } from './api';

export class SeedAddresses {
  readonly #waiting: Map<NodeId, PeerAddress>;

  constructor(seeds: readonly ({ readonly nodeId: NodeId } & PeerAddress)[]) {
    this.#waiting = new Map(seeds.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
  }

  addressOf(node: NodeId, recorded: PeerAddress): PeerAddress {
    const seed = this.#waiting.get(node);
    if (!seed) return recorded;
    if (seed.host !== recorded.host || seed.port !== recorded.port) return seed;
    this.#waiting.delete(node);
    return recorded;
  }
}
