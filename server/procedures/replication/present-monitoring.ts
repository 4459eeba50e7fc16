/** Windows over the samples that nodes keep, beside what the view tells of now. Pure: a value that no sample has is null, never 0. */
import type { ClusterView, GroupView, NodeView } from '@/engine/cluster/model';
import type { ResourceSample } from '@/engine/monitoring/model';
import type { ArchiverStatus, WalStatus } from '@/engine/runtime/engine-api';
import { findGroup, findNode } from '../shared/find';
import { lagOf } from '../shared/present-node';
import { membersOf } from '../shared/present-topology';
import { presentGroupReplication, replicasOf } from './present';

/** Standbys of these groups, each with its group. */
export function standbysOf(view: ClusterView, groups: readonly GroupView[]): readonly NodeView[] {
  return groups.flatMap((group) =>
    membersOf(view, group.record.name).filter((node) => node.record.id !== group.record.primary),
  );
}

type Samples = readonly ResourceSample[];

/** Whose samples these are, and from when. */
function presentSampled(view: ClusterView, id: string, samples: Samples) {
  const { group } = placeOf(view, id);
  return {
    group: group.record.name,
    node_id: id,
    primary_node: group.record.primary,
    state: replicasOf(view, group).find((one) => one.node_id === id)?.state ?? ('disconnected' as const),
    samples: samples.length,
    window_from: samples[0]?.at ?? null,
    window_to: samples.at(-1)?.at ?? null,
  };
}

function placeOf(view: ClusterView, id: string) {
  const node = findNode(view, id);
  const group = findGroup(view, node.record.group);
  const primary = view.nodes.find((one) => one.record.id === group.record.primary)?.report?.postgres ?? null;
  return { node, group, primary };
}

export function presentLagMetrics(view: ClusterView, id: string, samples: Samples) {
  const { node, primary } = placeOf(view, id);
  return {
    ...presentSampled(view, id, samples),
    ...lagOf(node, primary),
    replay_lag_ms: windowOf(samples.map((one) => one.replayLagMs)),
    replay_backlog_bytes: windowOf(samples.map((one) => one.lagBytes)),
  };
}

export function presentThroughput(view: ClusterView, id: string, samples: Samples) {
  const sender = placeOf(view, id).primary?.senders.find((one) => one.applicationName === id);
  return {
    ...presentSampled(view, id, samples),
    sent_bytes_per_second: sender?.bytesPerSecond ?? null,
    received_bytes_per_second: windowOf(samples.map((one) => one.walBytesPerSecond)),
  };
}

export function presentStandbyMetrics(view: ClusterView, id: string, samples: Samples) {
  return { ...presentLagMetrics(view, id, samples), ...presentThroughput(view, id, samples) };
}

type StandbyMetrics = ReturnType<typeof presentStandbyMetrics>;

export function presentGroupMetrics(view: ClusterView, { record }: GroupView, all: readonly StandbyMetrics[]) {
  const primary = view.nodes.find((node) => node.record.id === record.primary)?.report?.postgres ?? null;
  const members = membersOf(view, record.name).filter((node) => node.record.id !== record.primary);
  const lags = members.map((node) => lagOf(node, primary));
  return {
    group: record.name,
    primary_node: record.primary,
    max_lag_ms: largest(lags.map((one) => one.lag_ms)),
    max_lag_bytes: largest(lags.map((one) => one.lag_bytes)),
    wal_bytes_per_second: largest((primary?.senders ?? []).map((one) => one.bytesPerSecond ?? null)),
    transactions_per_second: primary?.transactionsPerSecond ?? null,
    standbys: all.filter((one) => one.group === record.name),
  };
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((most, value) => Math.max(most, value));
}

function windowOf(values: readonly (number | null)[]) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const max = known.at(-1);
  if (max === undefined) return null;
  const p95 = known[Math.ceil(known.length * 0.95) - 1]!;
  return { avg: known.reduce((sum, value) => sum + value, 0) / known.length, p95, max };
}

export function presentGroupDashboard(view: ClusterView, group: GroupView, all: readonly StandbyMetrics[]) {
  const { record } = group;
  const replicas = replicasOf(view, group);
  const primary = view.nodes.find((node) => node.record.id === record.primary)?.report?.postgres ?? null;
  return {
    ...presentGroupMetrics(view, group, all),
    mode: record.mode,
    healthy: presentGroupReplication(view, group).healthy,
    writable: group.writable,
    degraded: group.degraded,
    sentence: group.sentence,
    total_standbys: replicas.length,
    streaming_standbys: replicas.filter((one) => one.state === 'streaming').length,
    waiting_commits: primary?.waitingCommits ?? null,
    archive_mode: primary?.archiveMode ?? null,
    slots_lost: primary?.slotsLost ?? null,
    slot_retained_bytes: primary?.slotRetainedBytes ?? null,
  };
}

/** Problems of these groups or of a node in them. */
export function problemsOf(view: ClusterView, groups: readonly GroupView[]) {
  const names = new Set(groups.map((group) => group.record.name));
  const groupOf = new Map(view.nodes.map((node) => [node.record.id, node.record.group]));
  return view.problems
    .filter((one) => names.has(one.group ?? groupOf.get(one.node ?? '') ?? ''))
    .map((one) => ({ ...one }));
}

export function presentErrors({ record, role, report }: NodeView, wal: WalStatus, nowMs: number) {
  const told = wal.conflicts ?? null;
  const conflicts = told && {
    tablespace: told.tablespace,
    lock: told.lock,
    snapshot: told.snapshot,
    buffer_pin: told.bufferPin,
    deadlock: told.deadlock,
    logical_slot: told.logicalSlot,
  };
  const cancelled = conflicts && Object.values(conflicts).reduce((sum, one) => sum + one, 0);
  const since = told?.since ?? null;
  const hours = since === null ? null : (nowMs - Date.parse(since)) / 3_600_000;
  return {
    node_id: record.id,
    group: record.group,
    role,
    counted_since: since,
    cancelled_queries: cancelled,
    cancelled_per_hour: cancelled !== null && hours !== null && hours > 0 ? cancelled / hours : null,
    conflicts,
    slots_lost: report?.postgres.slotsLost ?? null,
    archive_failures: wal.archiver.failedCount,
  };
}

export function presentArchiver({ record, role }: NodeView, archiver: ArchiverStatus) {
  const covers = archiver.mode === 'always' || (archiver.mode === 'on' && role === 'primary');
  const target = archiver.target ?? null;
  return {
    node_id: record.id,
    group: record.group,
    role,
    mode: archiver.mode,
    target,
    archiving: covers && target !== null,
    archived_count: archiver.archivedCount ?? null,
    last_archived_wal: archiver.lastArchivedWal,
    last_archived_at: archiver.lastArchivedAt ?? null,
    failed_count: archiver.failedCount,
    last_failed_wal: archiver.lastFailedWal ?? null,
    last_failed_at: archiver.lastFailedAt ?? null,
    counted_since: archiver.since ?? null,
    backlog_segments: archiver.readyFiles ?? null,
  };
}
