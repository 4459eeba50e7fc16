/** Replication on the wire: per group from the view, the worst of all in front. */
import type { ClusterView, GroupView, NodeView, ReplicationSender } from '@/engine/cluster/model';
import type { CurrentView } from '@/server/engine-client/api';
import { findGroup, selectGroups, sortedGroups } from '../shared/find';
import { lagOf, lastHeartbeat } from '../shared/present-node';
import { membersOf } from '../shared/present-topology';

type ReplicaState = 'streaming' | 'catchup' | 'disconnected';
type SyncState = 'single_node' | 'synchronous' | 'asynchronous' | 'semi_synchronous';

function senderOf(view: ClusterView, group: GroupView, node: NodeView): ReplicationSender | null {
  const primary = view.nodes.find((one) => one.record.id === group.record.primary);
  return primary?.report?.postgres.senders.find((sender) => sender.applicationName === node.record.id) ?? null;
}

function replicaState(sender: ReplicationSender | null): ReplicaState {
  if (!sender) return 'disconnected';
  return sender.state === 'streaming' ? 'streaming' : 'catchup';
}

export function replicasOf(view: ClusterView, group: GroupView) {
  const members = membersOf(view, group.record.name);
  const primary = members.find((node) => node.record.id === group.record.primary)?.report?.postgres ?? null;
  const now = Date.parse(view.at);
  return members
    .filter((node) => node.record.id !== group.record.primary)
    .map((node) => {
      const sender = senderOf(view, group, node);
      const lag = lagOf(node, primary);
      const replyAgeMs = sender?.replyAgeMs ?? null;
      return {
        replica_id: node.record.id,
        node_id: node.record.id,
        address: `${node.record.host}:${node.record.postgresPort}`,
        state: replicaState(sender),
        sync_state: sender?.syncState ?? 'async',
        lag_bytes: lag.lag_bytes ?? 0,
        lag_ms: lag.lag_ms ?? 0,
        last_sync: replyAgeMs === null ? lastHeartbeat(node, now) : Math.max(0, Math.floor((now - replyAgeMs) / 1000)),
        wal_position: node.report?.postgres.replayLsn ?? null,
        priority: node.record.priority,
        group: group.record.name,
        replay_paused: node.report?.postgres.replayPaused ?? false,
      };
    });
}

function syncStateOf(view: ClusterView, group: GroupView): SyncState {
  return membersOf(view, group.record.name).length < 2 ? 'single_node' : group.record.mode;
}

export function presentGroupReplication(view: ClusterView, group: GroupView) {
  const replicas = replicasOf(view, group);
  const primary = view.nodes.find((node) => node.record.id === group.record.primary)?.report?.postgres;
  return {
    group: group.record.name,
    primary_node: group.record.primary,
    replication_mode: group.record.mode,
    sync_state: syncStateOf(view, group),
    replicas,
    replication_lag_ms: worst(replicas.map((one) => one.lag_ms)),
    bytes_behind: worst(replicas.map((one) => one.lag_bytes)),
    current_wal_lsn: primary?.lsn ?? null,
    healthy: group.writable && !group.degraded && replicas.every((one) => one.state === 'streaming'),
  };
}

function worst(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

const shortModes = { synchronous: 'sync', semi_synchronous: 'semi-sync', asynchronous: 'async' } as const;

export function presentReplicationStatus({ view }: CurrentView, name: string | undefined) {
  const chosen = findGroup(view, name);
  const groups = sortedGroups(view).map((group) => presentGroupReplication(view, group));
  // Lag and health are the worst of all groups, unless the caller asked for one.
  const judged = name === undefined ? groups : groups.filter((group) => group.group === name);
  const own = presentGroupReplication(view, chosen);
  const replicas = judged.flatMap((group) => group.replicas);
  const primary = view.nodes.find((node) => node.record.id === chosen.record.primary);
  const synchronous = own.replicas.filter((one) => one.sync_state === 'sync' || one.sync_state === 'quorum').length;
  return {
    mode: shortModes[chosen.record.mode],
    state: worstState(replicas.map((one) => one.state)),
    lag_ms: Math.round(worst(judged.map((group) => group.replication_lag_ms))),
    bytes_behind: worst(judged.map((group) => group.bytes_behind)),
    last_sync: own.replicas.reduce((latest, one) => Math.max(latest, one.last_sync), 0),
    healthy: judged.every((group) => group.healthy),
    timestamp: Math.floor(Date.parse(view.at) / 1000),
    enabled: membersOf(view, chosen.record.name).length > 1,
    group: chosen.record.name,
    primary_node: chosen.record.primary,
    replicas: own.replicas,
    replication_mode: chosen.record.mode,
    max_replication_lag_ms: worst(judged.map((group) => group.replication_lag_ms)),
    sync_replicas_count: synchronous,
    async_replicas_count: own.replicas.length - synchronous,
    all_synced: own.replicas.every((one) => one.state === 'streaming' && one.lag_bytes === 0),
    wal_archiving_enabled: ['on', 'always'].includes(primary?.report?.postgres.archiveMode ?? 'off'),
    slots_active: primary?.report?.postgres.senders.length ?? 0,
    current_wal_lsn: own.current_wal_lsn,
    groups,
  };
}

function worstState(states: readonly ReplicaState[]): 'streaming' | 'catching-up' | 'stopped' {
  if (states.includes('disconnected')) return 'stopped';
  return states.includes('catchup') ? 'catching-up' : 'streaming';
}

export function presentClusterReplication({ view }: CurrentView, name: string | undefined) {
  const own = presentGroupReplication(view, findGroup(view, name));
  const groups = sortedGroups(view).map((group) => presentGroupReplication(view, group));
  return {
    primary_node: own.primary_node,
    replicas: own.replicas.map(({ node_id, state, lag_bytes, lag_ms, last_sync }) => ({
      node_id,
      state,
      lag_bytes,
      lag_ms,
      last_sync,
    })),
    replication_lag_ms:
      name === undefined ? worst(groups.map((group) => group.replication_lag_ms)) : own.replication_lag_ms,
    sync_state: own.sync_state,
    group: own.group,
    groups,
  };
}

export function presentLag({ view }: CurrentView, name: string | undefined) {
  const groups = selectGroups(view, name).map((group) => {
    const replicas = replicasOf(view, group).map((one) => ({
      replica_id: one.replica_id,
      node_id: one.node_id,
      group: one.group,
      lag_ms: one.lag_ms,
      lag_bytes: one.lag_bytes,
      state: one.state,
      last_sync: one.last_sync,
    }));
    return { group: group.record.name, ...summed(replicas) };
  });
  return { ...summed(groups.flatMap((group) => group.replicas)), groups };
}

function summed<R extends { readonly lag_ms: number }>(replicas: R[]) {
  const total = replicas.reduce((sum, one) => sum + one.lag_ms, 0);
  return {
    replicas,
    max_lag_ms: worst(replicas.map((one) => one.lag_ms)),
    avg_lag_ms: replicas.length > 0 ? total / replicas.length : 0,
  };
}

export function presentWalStreams({ view }: CurrentView, name: string | undefined) {
  return selectGroups(view, name).flatMap((group) => {
    const primary = view.nodes.find((node) => node.record.id === group.record.primary);
    const { senders = [], otherSenders = [] } = primary?.report?.postgres ?? {};
    const all = [...senders, ...otherSenders.map((one) => ({ ...one, applicationName: one.name }))];
    return all.map((sender) => {
      const standby = view.nodes.find((node) => node.record.id === sender.applicationName);
      const link = view.links.find(
        (one) => one.kind === 'replication' && one.from === group.record.primary && one.to === sender.applicationName,
      );
      const lag = standby ? lagOf(standby, primary?.report?.postgres ?? null) : { lag_bytes: null, lag_ms: null };
      return {
        from: group.record.primary ?? '',
        to: sender.applicationName,
        group: group.record.name,
        state: sender.state,
        sync_state: sender.syncState,
        sent_lsn: sender.sentLsn,
        write_lsn: sender.writeLsn,
        flush_lsn: sender.flushLsn,
        replay_lsn: sender.replayLsn,
        ...lag,
        reply_age_ms: sender.replyAgeMs,
        receiver_status: standby?.report?.postgres.walReceiver?.status ?? null,
        replay_paused: standby?.report?.postgres.replayPaused ?? false,
        bytes_per_second: link?.bytesPerSecond ?? null,
      };
    });
  });
}

export function presentReplicationHealth({ view }: CurrentView, name: string | undefined) {
  const groups = selectGroups(view, name).map((group) => ({
    group: group.record.name,
    ...verdictOn(linkHealth(view, group), group.writable),
  }));
  return {
    ...verdictOn(
      groups.flatMap((group) => group.links),
      groups.every((group) => group.healthy),
    ),
    groups,
    timestamp: Math.floor(Date.parse(view.at) / 1000),
  };
}

function linkHealth(view: ClusterView, group: GroupView) {
  const limit = view.config.health.lagWarningBytes;
  return replicasOf(view, group).map((one) => {
    const reasons = [
      ...(one.state === 'disconnected' ? ['The standby receives no WAL'] : []),
      ...(one.state === 'catchup' ? ['The standby is catching up'] : []),
      ...(one.replay_paused ? ['Replay is paused'] : []),
      ...(one.lag_bytes >= limit ? [`${one.lag_bytes} bytes behind, limit ${limit}`] : []),
    ];
    return {
      from: group.record.primary,
      to: one.node_id,
      group: group.record.name,
      healthy: reasons.length === 0,
      state: one.state,
      lag_bytes: one.lag_bytes,
      lag_ms: one.lag_ms,
      reasons,
    };
  });
}

function verdictOn(links: ReturnType<typeof linkHealth>, otherwiseWell: boolean) {
  const bad = links.filter((link) => !link.healthy);
  return {
    healthy: bad.length === 0 && otherwiseWell,
    sentence:
      bad.length === 0
        ? `All ${links.length} replication links are healthy`
        : `${bad.length} of ${links.length} replication links need attention: ${bad.map((link) => link.to).join(', ')}`,
    links,
  };
}
