/**
 * This node's own record in the control store, and the addresses of its peers. A node that was added, or whose directory is new, writes its ports
 * and incarnation through any member it can reach; it may not be a member of the store itself yet.
 */
import { keys, type NodeRecord } from '../cluster/model';
import type { Json, KeyValue, RaftConfiguration, TxnResult } from '../control/store';
import { SeedAddresses } from '../interconnect/seed-addresses';
import { messageOf } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { wantedPeers } from './core/wanted-peers';
import type { NodeContext } from './node-context';

const checkMs = 1000;
const requestTimeoutMs = 3000;

export class Registration {
  #timer: Timer | null = null;
  #done = false;
  #stopped = false;
  readonly #seeds: SeedAddresses;
  #configuration: RaftConfiguration | null = null;
  #reported: ReadonlySet<NodeId> | null = null;

  constructor(private readonly context: NodeContext) {
    this.#seeds = new SeedAddresses(context.config.seeds);
  }

  /** Before anything is known of the cluster: where the launcher says the others are. */
  setSeedPeers(): void {
    const { config, interconnect } = this.context;
    for (const seed of config.seeds) {
      if (seed.nodeId !== config.nodeId) interconnect.setPeer(seed.nodeId, { host: seed.host, port: seed.port });
    }
  }

  /** Peers that the report tells of; null: all. */
  get reportedPeers(): ReadonlySet<NodeId> | null {
    return this.#reported;
  }

  /** Other voters are other peers. */
  setConfiguration(configuration: RaftConfiguration): void {
    if (configuration === this.#configuration) return;
    this.#configuration = configuration;
    this.setPeers();
  }

  /** As the records say, once they have caught up with the launcher; a node that is not wanted (any more) or whose record is gone is forgotten. */
  setPeers(): void {
    const { config, interconnect, store } = this.context;
    const records = store.localList(keys.nodes).map((entry) => entry.value as unknown as NodeRecord);
    if (records.length === 0) return;
    const voters = this.#configuration?.voters.map((voter) => voter.id) ?? [];
    const { connected, reported } = wantedPeers({ self: config.nodeId, group: config.group, nodes: records, voters });
    this.#reported = reported;
    for (const record of records) {
      if (record.id !== config.nodeId && record.agentPort > 0 && connected.has(record.id))
        interconnect.setPeer(
          record.id,
          this.#seeds.addressOf(record.id, { host: record.host, port: record.agentPort }),
        );
    }
    for (const peer of interconnect.peers()) if (!connected.has(peer)) interconnect.setPeer(peer, null);
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped || this.#done) return;
    this.#timer = this.context.loop.after(checkMs, () => {
      this.#register().then(
        () => this.#schedule(),
        (error: unknown) => {
          this.context.logger.debug({ error: messageOf(error) }, 'not registered yet');
          this.#schedule();
        },
      );
    });
  }

  async #register(): Promise<void> {
    const { config, interconnect } = this.context;
    const key = keys.node(config.nodeId);
    const ask = <T>(method: string, payload: unknown) => this.#askAny<T>(interconnect.peers(), method, payload);
    const entry = await ask<KeyValue | null>('engine.store.get', { key });
    if (!entry) return;
    const record = entry.value as unknown as NodeRecord;
    if (this.#isCurrent(record)) {
      this.#done = true;
      return;
    }
    const next: NodeRecord = {
      ...record,
      host: config.host,
      agentPort: config.agentPort,
      postgresPort: config.postgresPort,
      probePort: config.probePort ?? null,
      incarnation: config.incarnation,
    };
    const result = await ask<TxnResult>('engine.store.txn', {
      compare: [{ key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'put', key, value: next as unknown as Json }],
    });
    if (result.succeeded)
      this.context.logger.info({ node: config.nodeId, incarnation: config.incarnation }, 'registered');
  }

  #isCurrent(record: NodeRecord): boolean {
    const { config } = this.context;
    return (
      record.incarnation === config.incarnation &&
      record.agentPort === config.agentPort &&
      record.postgresPort === config.postgresPort &&
      (record.probePort ?? null) === (config.probePort ?? null) &&
      record.host === config.host
    );
  }

  /** The own door forwards to the leader when this node is a member; otherwise any peer's does. */
  async #askAny<T>(peers: readonly NodeId[], method: string, payload: unknown): Promise<T> {
    let last: unknown = new Error('no peer is known');
    for (const peer of [this.context.config.nodeId, ...peers]) {
      try {
        return await this.context.interconnect.request<T>(peer, method, payload, { timeoutMs: requestTimeoutMs });
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}
