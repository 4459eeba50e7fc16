/** What the parts of one agent share. Facts are read through functions, so that nobody keeps a stale copy. */
import { type ClusterConfig, type GroupRecord, keys, type NodeRecord } from '../cluster/model';
import type { EmbeddedControlStore } from '../control/store';
import type { Interconnect } from '../interconnect/api';
import type { WalUpstream } from '../interconnect/wal-proxy';
import type { SerialQueue } from '../kernel/async';
import { readTogether } from '../kernel/boot-clock';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import type { SmallFiles } from '../kernel/small-files';
import type { PostgresServer } from '../postgres/api';
import type { AgentConfig } from '../runtime/process-config';
import type { Instant } from './core/lease-keeper';
import type { DurableState } from './durable-state';
import type { ReportCache } from './report-cache';

/** Where this node's walreceiver connects, as far as the agent directs it. */
export type WalDoor = {
  /** Nobody but this one can be reached from now on, with null nobody; walreceivers of another one are ended, which takes a moment. */
  setUpstream(upstream: WalUpstream | null): void;
};

export type NodeContext = {
  /** All time of this node's shells: clocks, timers, waits. */
  readonly loop: Loop;
  /** The node's durable small files. */
  readonly files: SmallFiles;
  readonly config: AgentConfig;
  readonly logger: Logger;
  readonly store: EmbeddedControlStore;
  readonly interconnect: Interconnect;
  readonly postgres: PostgresServer;
  readonly reports: ReportCache;
  readonly walSource: WalDoor;
  readonly durable: DurableState;
  /** Everything that starts, stops, promotes or re-points this node's PostgreSQL goes through here, one at a time. */
  readonly serverQueue: SerialQueue;
};

export function instantOf(loop: Loop): Instant {
  return readTogether(
    () => loop.now(),
    () => loop.bootMs(),
  );
}

export type GroupFact = { readonly record: GroupRecord; readonly modRevision: number };

export function groupFact(context: NodeContext): GroupFact | null {
  const entry = context.store.localGet(keys.group(context.config.group));
  return entry ? { record: entry.value as unknown as GroupRecord, modRevision: entry.modRevision } : null;
}

export function nodeRecord(context: NodeContext, id: NodeId): NodeRecord | null {
  return (context.store.localGet(keys.node(id))?.value as unknown as NodeRecord | undefined) ?? null;
}

/** All nodes of this node's group, itself included. */
export function groupMembers(context: NodeContext): readonly NodeRecord[] {
  return context.store
    .localList(keys.nodes)
    .map((entry) => entry.value as unknown as NodeRecord)
    .filter((record) => record.group === context.config.group);
}

export function otherMembers(context: NodeContext): readonly NodeId[] {
  return groupMembers(context)
    .map((record) => record.id)
    .filter((id) => id !== context.config.nodeId);
}

export function clusterConfig(context: NodeContext): ClusterConfig | null {
  return (context.store.localGet(keys.config)?.value as unknown as ClusterConfig | undefined) ?? null;
}
