/**
 * The controller's picture of the cluster: records from the local replica of the store (kept by watch) and the last report of each node.
 * Invariants: taking in a report costs the same whatever the number of nodes; records are only ever those of the replica; ages are on this
 * process's monotonic clock.
 */
import type { EmbeddedControlStore, WatchEvent } from '../control/store';
import type { GroupName, MonotonicMs, NodeId } from '../kernel/ids';
import { pauseMsOf } from '../operations/core/incident';
import type { ClusterSnapshot, GroupSnapshot, NodeSnapshot, PauseSample } from '../operations/core/snapshot';
import { isFinished, type Operation } from '../operations/model';
import { defaultConfig } from './core/default-config';
import {
  type ClusterConfig,
  type ClusterRecord,
  type GroupRecord,
  keys,
  type NodeRecord,
  type NodeReport,
  type RaftView,
} from './model';

type Heard = {
  readonly report: NodeReport;
  readonly atMs: MonotonicMs;
  /** When its last report came that said it serves as primary. */
  readonly servedAtMs: MonotonicMs | null;
};

const keptPauses = 200;

export class ClusterState {
  readonly #nodes = new Map<NodeId, NodeRecord>();
  readonly #groups = new Map<GroupName, { record: GroupRecord; modRevision: number }>();
  readonly #members = new Map<GroupName, Set<NodeId>>();
  readonly #operations = new Map<string, { operation: Operation; modRevision: number }>();
  readonly #reports = new Map<NodeId, Heard>();
  readonly #silent = new Set<NodeId>();
  #stopped: ReadonlyMap<NodeId, string> = new Map();
  #pauses: PauseSample[] = [];
  #config: ClusterConfig = defaultConfig;
  #cluster: ClusterRecord = { clusterId: '', createdAt: '' };
  readonly #unwatch: (() => void)[] = [];

  constructor(
    private readonly self: NodeId,
    private readonly store: EmbeddedControlStore,
    private readonly clock: { monotonic(): MonotonicMs; wall(): number },
    private readonly onRecords: (changed: {
      nodes: readonly NodeId[];
      groups: readonly GroupName[];
      all: boolean;
    }) => void,
  ) {}

  start(): void {
    for (const entry of this.store.localList('')) this.#apply(entry.key, entry.value, entry.modRevision);
    this.#unwatch.push(this.store.watch('', (events) => this.#onEvents(events)));
  }

  stop(): void {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
  }

  get config(): ClusterConfig {
    return this.#config;
  }
  get cluster(): ClusterRecord {
    return this.#cluster;
  }
  get pauses(): readonly PauseSample[] {
    return this.#pauses;
  }
  nodeIds(): IterableIterator<NodeId> {
    return this.#nodes.keys();
  }
  groupNames(): IterableIterator<GroupName> {
    return this.#groups.keys();
  }
  groupOf(id: NodeId): GroupName | null {
    return this.#nodes.get(id)?.group ?? null;
  }
  groupRecord(name: GroupName): GroupRecord | null {
    return this.#groups.get(name)?.record ?? null;
  }
  operation(id: string): { operation: Operation; modRevision: number } | undefined {
    return this.#operations.get(id);
  }
  operations(): readonly { operation: Operation; modRevision: number }[] {
    return [...this.#operations.values()];
  }
  unfinished(): readonly Operation[] {
    const open: Operation[] = [];
    for (const { operation } of this.#operations.values()) if (!isFinished(operation.state)) open.push(operation);
    return open;
  }

  /** O(1). An older report of the same life of an agent is dropped. */
  ingest(report: NodeReport): boolean {
    const known = this.#reports.get(report.node);
    const sameAgent =
      known?.report.agentPid === report.agentPid && known.report.agentStartedAt === report.agentStartedAt;
    if (known && sameAgent && report.sequence <= known.report.sequence) return false;
    const atMs = this.clock.monotonic();
    const serves = report.postgres.state === 'primary' && report.lease?.held === true;
    this.#reports.set(report.node, { report, atMs, servedAtMs: serves ? atMs : (known?.servedAtMs ?? null) });
    return true;
  }

  /** What the launcher knows of nodes that stopped for good; answers whose entry changed. */
  noteStopped(stopped: readonly { readonly node: NodeId; readonly sentence: string }[]): readonly NodeId[] {
    const next = new Map(stopped.map(({ node, sentence }) => [node, sentence]));
    const all = new Set([...next.keys(), ...this.#stopped.keys()]);
    const changed = [...all].filter((node) => next.get(node) !== this.#stopped.get(node));
    this.#stopped = next;
    return changed;
  }

  /** Nodes whose silence became longer than the lease, or ended, since the last call. */
  crossedSilence(): readonly NodeId[] {
    const now = this.clock.monotonic();
    const crossed: NodeId[] = [];
    for (const [id, heard] of this.#reports) {
      const silent = now - heard.atMs > this.#config.leaseMs;
      if (silent === this.#silent.has(id)) continue;
      if (silent) this.#silent.add(id);
      else this.#silent.delete(id);
      crossed.push(id);
    }
    return crossed;
  }

  hasHeardAll(): boolean {
    if (this.#reports.size < this.#nodes.size) return false;
    for (const id of this.#nodes.keys()) if (!this.#reports.has(id)) return false;
    return true;
  }

  silentNodes(): ReadonlySet<NodeId> {
    return this.#silent;
  }

  /** A new leader goes on with what it heard while nobody led; anything older is of another time in which it led. */
  forgetOldReports(): void {
    const now = this.clock.monotonic();
    for (const [id, heard] of this.#reports) if (now - heard.atMs > this.#config.leaseMs) this.#reports.delete(id);
    this.#silent.clear();
  }

  node(id: NodeId): NodeSnapshot | undefined {
    const record = this.#nodes.get(id);
    if (!record) return undefined;
    const heard = this.#reports.get(id);
    const servedAtMs = heard?.servedAtMs ?? null;
    return {
      record,
      report: heard?.report ?? null,
      reportAgeMs: heard ? Math.max(0, this.clock.monotonic() - heard.atMs) : null,
      servedAgeMs: servedAtMs === null ? null : Math.max(0, this.clock.monotonic() - servedAtMs),
      stoppedFor: this.#stopped.get(id) ?? null,
    };
  }

  group(name: GroupName): GroupSnapshot | undefined {
    const found = this.#groups.get(name);
    if (!found) return undefined;
    const members = [...(this.#members.get(name) ?? [])].sort();
    return {
      record: found.record,
      modRevision: found.modRevision,
      leaseRemainingMs: this.store.leaseRemainingMs(name),
      members: members.flatMap((id) => this.node(id) ?? []),
    };
  }

  raft(): RaftView {
    const { leader, term, commitIndex, appliedIndex, configuration, peers, hasQuorum, quorumSize } =
      this.store.status();
    return { leader, term, commitIndex, appliedIndex, configuration, peers, hasQuorum, quorumSize };
  }

  /** Everything, or (for a plan) only the groups named; nodes of voters are always in it. */
  snapshot(): ClusterSnapshot {
    return {
      atMs: this.clock.wall(),
      self: this.self,
      config: this.#config,
      raft: this.raft(),
      nodes: new LazyMap(this.#nodes.keys(), (id) => this.node(id)),
      groups: new LazyMap(this.#groups.keys(), (name) => this.group(name)),
      operations: this.unfinished(),
      pauses: this.#pauses,
    };
  }

  #onEvents(events: readonly WatchEvent[]): void {
    const nodes = new Set<NodeId>();
    const groups = new Set<GroupName>();
    let all = false;
    for (const event of events) {
      if (event.key.startsWith(keys.nodes)) {
        nodes.add(event.key.slice(keys.nodes.length));
        const before = this.groupOf(event.key.slice(keys.nodes.length));
        if (before !== null) groups.add(before);
      } else if (event.key.startsWith(keys.groups)) groups.add(event.key.slice(keys.groups.length));
      else if (event.key.startsWith(keys.operations)) {
        const operation = event.value as unknown as Operation | null;
        if (operation?.group) groups.add(operation.group);
      } else if (event.key === keys.config || event.key === keys.cluster) all = true;
      else continue;
      this.#apply(event.key, event.kind === 'delete' ? null : event.value, event.modRevision);
    }
    for (const id of nodes) {
      const group = this.groupOf(id);
      if (group !== null) groups.add(group);
    }
    if (all || nodes.size > 0 || groups.size > 0) this.onRecords({ nodes: [...nodes], groups: [...groups], all });
  }

  #apply(key: string, value: unknown, modRevision: number): void {
    if (key === keys.config) this.#config = { ...defaultConfig, ...(value as Partial<ClusterConfig> | null) };
    else if (key === keys.cluster && value !== null) this.#cluster = value as ClusterRecord;
    else if (key.startsWith(keys.nodes)) this.#applyNode(key.slice(keys.nodes.length), value as NodeRecord | null);
    else if (key.startsWith(keys.groups)) {
      const name = key.slice(keys.groups.length);
      if (value === null) this.#groups.delete(name);
      else this.#groups.set(name, { record: value as GroupRecord, modRevision });
    } else if (key.startsWith(keys.operations))
      this.#applyOperation(key.slice(keys.operations.length), value as Operation | null, modRevision);
  }

  #applyNode(id: NodeId, record: NodeRecord | null): void {
    const before = this.#nodes.get(id);
    if (before) this.#members.get(before.group)?.delete(id);
    if (record === null) {
      this.#nodes.delete(id);
      this.#reports.delete(id);
      return;
    }
    this.#nodes.set(id, record);
    const members = this.#members.get(record.group) ?? new Set<NodeId>();
    members.add(id);
    this.#members.set(record.group, members);
  }

  #applyOperation(id: string, operation: Operation | null, modRevision: number): void {
    if (operation === null) {
      this.#operations.delete(id);
      return;
    }
    this.#operations.set(id, { operation, modRevision });
    if (!isFinished(operation.state) || operation.state === 'failed' || operation.group === null) return;
    const ms = pauseMsOf(operation);
    if (ms === null || this.#pauses.some((sample) => sample.operation === id)) return;
    const kind = operation.request.kind === 'failover' ? operation.request.mode : 'switchover';
    const sample: PauseSample = {
      operation: id,
      group: operation.group,
      kind,
      ms,
      at: operation.finishedAt ?? operation.createdAt,
    };
    this.#pauses = [...this.#pauses, sample].sort((a, b) => (a.operation < b.operation ? -1 : 1)).slice(-keptPauses);
  }
}

/** Values are made when asked for, once: a plan about one group must not cost a copy of a thousand nodes. */
class LazyMap<K, V> implements ReadonlyMap<K, V> {
  readonly #keys: ReadonlySet<K>;
  readonly #values = new Map<K, V | undefined>();

  constructor(
    all: Iterable<K>,
    private readonly make: (key: K) => V | undefined,
  ) {
    this.#keys = new Set(all);
  }
  get size(): number {
    return this.#keys.size;
  }
  has(key: K): boolean {
    return this.#keys.has(key);
  }
  get(key: K): V | undefined {
    if (!this.#keys.has(key)) return undefined;
    if (!this.#values.has(key)) this.#values.set(key, this.make(key));
    return this.#values.get(key);
  }
  *entries(): MapIterator<[K, V]> {
    for (const key of this.#keys) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }
  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }
  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }
  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
