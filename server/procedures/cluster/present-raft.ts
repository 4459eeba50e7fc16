/** Consensus status, and which further losses would stop changes. */
import type { RaftStatus } from '@/engine/control/store';
import type { ProcedureContext } from '../context';
import { leaderOrAny } from '../shared/find';

export async function askForRaftStatus(context: ProcedureContext, node: string | undefined) {
  const status = await leaderOrAny(context.engine, node, (ask) => ask('raft.status', {}));
  const { view } = context.engine.current();
  const heard = view.nodes.filter((one) => one.reportAgeMs !== null && one.reportAgeMs < view.config.leaseMs);
  return presentRaftStatus(status, new Set([status.id, ...heard.map((one) => one.record.id)]));
}

export function presentRaftStatus(status: RaftStatus, alive: ReadonlySet<string>) {
  const voters = status.configuration.voters.map((member) => member.id);
  const up = voters.filter((id) => alive.has(id));
  const tolerates = Math.max(0, up.length - status.quorumSize);
  return {
    answered_by: status.id,
    role: status.role,
    term: status.term,
    leader: status.leader,
    commit_index: status.commitIndex,
    applied_index: status.appliedIndex,
    last_index: status.lastIndex,
    snapshot_index: status.snapshotIndex,
    log_bytes: status.logBytes,
    state_bytes: status.stateBytes,
    has_quorum: status.hasQuorum,
    quorum_size: status.quorumSize,
    voters: status.configuration.voters.map((member) => ({ id: member.id, incarnation: member.incarnation })),
    learners: status.configuration.learners.map((member) => ({ id: member.id, incarnation: member.incarnation })),
    peers: status.peers.map((peer) => ({
      id: peer.id,
      voter: peer.voter,
      match_index: peer.matchIndex,
      next_index: peer.nextIndex,
      lag_entries: peer.matchIndex === null ? null : Math.max(0, status.lastIndex - peer.matchIndex),
      last_contact_ms: peer.lastContactMs,
      state: peer.state,
    })),
    tolerates,
    fatal_losses: up.length < status.quorumSize ? [] : combinations(up, tolerates + 1).slice(0, 20),
  };
}

/** All subsets of `size`, in order. At most 5 voters, so never more than 10. */
export function combinations(items: readonly string[], size: number): string[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) => combinations(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
}
