/**
 * The live view, made from records, reports and problems. Pure, and in pieces (node, group, links) so that a report rebuilds only what it touches.
 * Invariant: nothing is claimed that was not reported recently: a group is writable only under an unexpired lease and a fresh report that says so.
 */
import type { NodeId } from '../kernel/ids';
import { lagBytes } from '../kernel/lsn';
import {
  type ClusterSnapshot,
  type GroupSnapshot,
  isFresh,
  type NodeSnapshot,
  primaryOf,
  standbysOf,
} from '../operations/core/snapshot';
import type { Operation } from '../operations/model';
import { lacksAcknowledgers } from './core/acknowledging';
import type { PlannedChange } from './core/planned-change';
import { promisesNeeded } from './core/voter-set';
import type {
  ClusterRecord,
  ClusterView,
  GroupRecord,
  GroupView,
  LinkView,
  NodeView,
  Problem,
  RaftView,
} from './model';
import { nodeStatus } from './node-status';
import { groupSentence, verdict } from './sentences';

export type ViewConfig = ClusterSnapshot['config'];

/** Built once per refresh: a thousand learners must not be searched for each of a thousand nodes. */
export function raftRoles(raft: RaftView): (id: NodeId) => NodeView['raftRole'] {
  const roles = new Map<NodeId, NodeView['raftRole']>();
  for (const member of raft.configuration.learners) roles.set(member.id, 'learner');
  for (const member of raft.configuration.voters) roles.set(member.id, 'voter');
  if (raft.leader !== null) roles.set(raft.leader, 'leader');
  return (id) => roles.get(id) ?? 'none';
}

export function nodeView(
  node: NodeSnapshot,
  group: GroupRecord | undefined,
  context: {
    readonly config: ViewConfig;
    readonly raftRoleOf: ReturnType<typeof raftRoles>;
    readonly planned: PlannedChange | null;
  },
): NodeView {
  const { status, reason } = nodeStatus(node, group, context);
  const id = node.record.id;
  return {
    record: node.record,
    role: group?.primary === id ? 'primary' : 'standby',
    status,
    statusReason: reason,
    report: node.report,
    reportAgeMs: node.reportAgeMs,
    raftRole: context.raftRoleOf(id),
  };
}

export function groupView(group: GroupSnapshot, config: ViewConfig, operation: Operation | null): GroupView {
  const { record } = group;
  const primary = primaryOf(group);
  const standbys = standbysOf(group);
  const fresh = primary !== null && isFresh(primary, config.leaseMs) ? primary.report! : null;
  const leaseOk = (group.leaseRemainingMs ?? fresh?.lease?.remainingMs ?? 0) > 0 && !record.leaseReleased;
  const serving = fresh !== null && fresh.postgres.state === 'primary' && fresh.lease?.held === true && leaseOk;
  const streaming = standbys.filter(
    (member) => isFresh(member, config.leaseMs) && member.report!.postgres.walReceiver?.status === 'streaming',
  );
  const running = standbys.filter(
    (member) => isFresh(member, config.leaseMs) && member.report!.postgres.state === 'standby',
  );
  const lacking = lacksAcknowledgers(group, config.leaseMs);
  // By the record, or because nobody can acknowledge now, whatever the reason: either way no standby is sure to have what is written.
  const degraded = record.mode !== 'asynchronous' && (record.promotable === 'none' || lacking);
  const writable = serving && !lacking;
  return {
    record,
    leaseExpiresInMs: group.leaseRemainingMs ?? fresh?.lease?.remainingMs ?? null,
    writable,
    readable: serving || running.length > 0,
    degraded,
    sentence: groupSentence(group, {
      writable,
      degraded,
      standbys: standbys.length,
      streaming: streaming.length,
      operation,
    }),
    dataAtRiskBytes: dataAtRisk(group, config),
  };
}

/**
 * WAL that only the primary has. In the synchronous modes with enough voters every acknowledged commit is elsewhere too: nothing acknowledged is
 * at risk. Otherwise the distance to the most advanced standby.
 */
function dataAtRisk(group: GroupSnapshot, config: ViewConfig): number | null {
  const { record } = group;
  const primary = primaryOf(group);
  const guarded =
    record.mode !== 'asynchronous' && record.promotable === 'voters' && promisesNeeded(record.voterSet) > 0;
  if (guarded) return 0;
  const lsn = primary?.report?.postgres.lsn ?? null;
  const lags = standbysOf(group)
    .filter((member) => isFresh(member, config.leaseMs))
    .map((member) => lagBytes(lsn, member.report!.postgres.lsn))
    .filter((lag): lag is number => lag !== null);
  return lags.length === 0 ? null : Math.min(...lags);
}

/** Interconnect links per node in the view. */
const maxShownLinks = 32;

export function groupLinks(group: GroupSnapshot, config: ViewConfig): readonly LinkView[] {
  const primary = primaryOf(group);
  const links: LinkView[] = [];
  const senders = primary && isFresh(primary, config.leaseMs) ? primary.report!.postgres.senders : [];
  for (const standby of primary ? standbysOf(group) : []) {
    const sender = senders.find((entry) => entry.applicationName === standby.record.id);
    const report = isFresh(standby, config.leaseMs) ? standby.report!.postgres : null;
    links.push({
      from: primary!.record.id,
      to: standby.record.id,
      kind: 'replication',
      state: sender?.state ?? 'disconnected',
      mode: modeOf(sender?.syncState ?? null),
      lagBytes: lagBytes(primary!.report?.postgres.lsn ?? null, sender?.replayLsn ?? report?.replayLsn ?? null),
      lagMs: report?.replayLagMs ?? null,
      bytesPerSecond: sender?.bytesPerSecond ?? null,
      rttUs: null,
    });
  }
  for (const member of group.members) {
    // Every node is linked with every other: beyond this many only the first are shown, the latency matrix is asked of the nodes.
    for (const link of (member.report?.links ?? []).slice(0, maxShownLinks)) {
      links.push({
        from: member.record.id,
        to: link.peer,
        kind: 'interconnect',
        state: link.connected ? 'connected' : 'disconnected',
        mode: null,
        lagBytes: null,
        lagMs: null,
        bytesPerSecond: null,
        rttUs: link.rttUs,
      });
    }
  }
  return links;
}

function modeOf(syncState: string | null): LinkView['mode'] {
  return syncState === 'sync' || syncState === 'async' || syncState === 'quorum' || syncState === 'potential'
    ? syncState
    : null;
}

export type ViewPieces = {
  readonly cluster: ClusterRecord;
  readonly revision: number;
  readonly nodes: readonly NodeView[];
  readonly groups: readonly GroupView[];
  readonly links: readonly LinkView[];
  readonly problems: readonly Problem[];
};

/** Puts the pieces together; cheap enough to do at every revision. */
export function clusterView(pieces: ViewPieces, snapshot: ClusterSnapshot): ClusterView {
  return {
    ...pieces,
    config: snapshot.config,
    at: new Date(snapshot.atMs).toISOString(),
    servedBy: snapshot.self,
    raft: snapshot.raft,
    operations: snapshot.operations,
    sentence: verdict({ ...pieces, ...snapshot, nodes: pieces.nodes, groups: pieces.groups }),
  };
}
