/** The rules that plans check: each says what was measured, the limit and the remedy. One function per rule; plans only pick and order them. */
import { promisesNeeded } from '../../cluster/core/voter-set';
import type { NodeId } from '../../kernel/ids';
import type { Check } from '../model';
import { type ClusterSnapshot, formatMs, type GroupSnapshot, isFresh, type NodeSnapshot } from './snapshot';

type Severity = Check['severity'];

export function check(
  rule: string,
  ok: boolean,
  fields: {
    node?: NodeId | null;
    severity?: Severity;
    measured?: string | null;
    limit?: string | null;
    remedy: string;
  },
): Check {
  return {
    rule,
    node: fields.node ?? null,
    ok,
    severity: fields.severity ?? 'blocker',
    measured: fields.measured ?? null,
    limit: fields.limit ?? null,
    remedy: ok ? null : fields.remedy,
  };
}

export function controlQuorum(snapshot: ClusterSnapshot): Check {
  const voters = snapshot.raft.configuration.voters.length;
  return check('control-quorum', snapshot.raft.hasQuorum, {
    measured: snapshot.raft.hasQuorum ? 'majority answers' : 'no majority answers',
    limit: `${snapshot.raft.quorumSize} of ${voters} voters`,
    remedy: `Bring back enough agents that ${snapshot.raft.quorumSize} of ${voters} control-store voters run.`,
  });
}

export function noOperationRunning(snapshot: ClusterSnapshot, group: GroupSnapshot): Check {
  const id = group.record.operation;
  const running = snapshot.operations.find((operation) => operation.id === id);
  return check('no-operation-running', id === null, {
    measured: id === null ? 'none' : `${running?.kind ?? 'operation'} ${id}`,
    limit: 'none',
    remedy: `Wait until operation ${id} of group ${group.record.name} has ended, or cancel it.`,
  });
}

export function reachable(node: NodeSnapshot, leaseMs: number): Check {
  return check('agent-reachable', isFresh(node, leaseMs), {
    node: node.record.id,
    measured: node.reportAgeMs === null ? 'never heard' : `last report ${formatMs(node.reportAgeMs)} ago`,
    limit: formatMs(leaseMs),
    remedy: `Start the agent of ${node.record.id} or repair its network.`,
  });
}

export function primaryServes(group: GroupSnapshot, primary: NodeSnapshot | null, leaseMs: number): Check {
  const state = primary === null ? 'no primary' : isFresh(primary, leaseMs) ? primary.report!.postgres.state : 'silent';
  return check('primary-serves', state === 'primary', {
    node: primary?.record.id ?? null,
    measured: state,
    limit: 'primary',
    remedy: `Group ${group.record.name} has no serving primary to switch over from: use mode failover.`,
  });
}

/** The rule that keeps acknowledged writes: enough of S must be able to promise. */
export function voterQuorum(group: GroupSnapshot, leaseMs: number, severity: Severity): Check {
  const needed = promisesNeeded(group.record.voterSet);
  const voters = group.record.voterSet.members;
  const reachableVoters = group.members.filter(
    (member) => voters.includes(member.record.id) && isFresh(member, leaseMs) && canPromise(member),
  );
  const missing = voters.filter((id) => !reachableVoters.some((member) => member.record.id === id));
  return check('voter-quorum', reachableVoters.length >= needed, {
    severity,
    measured: `${reachableVoters.length} of ${voters.length} voters can promise`,
    limit: `${needed}`,
    remedy: `Bring back ${needed - reachableVoters.length} of ${missing.join(', ')}: an acknowledged write may be only there. An admin may give it up with allow_data_loss.`,
  });
}

function canPromise(member: NodeSnapshot): boolean {
  const state = member.report?.postgres.state;
  return state === 'standby' || state === 'recovering' || state === 'primary';
}

export function promotable(group: GroupSnapshot, severity: Severity): Check {
  return check('group-promotable', group.record.promotable === 'voters', {
    severity,
    measured: group.record.promotable === 'none' ? 'degraded: commits were acknowledged by no standby' : 'voters',
    limit: 'voters',
    remedy: `Bring back ${group.record.primary ?? 'the primary'}: no standby is known to have all acknowledged writes. An admin may give them up with allow_data_loss.`,
  });
}

export function automaticFailoverOn(snapshot: ClusterSnapshot, group: GroupSnapshot): Check {
  const on = snapshot.config.autoFailover && group.record.automaticFailover;
  const by = group.record.automaticFailoverPausedBy;
  return check('automatic-failover-on', on, {
    measured: on ? 'on' : snapshot.config.autoFailover ? `paused${by ? ` by ${by}` : ''}` : 'off for the cluster',
    limit: 'on',
    remedy: `Automatic failover is ${snapshot.config.autoFailover ? 'paused' : 'off'}: start a failover of ${group.record.name} by hand, or switch it on.`,
  });
}

export function primaryNotInMaintenance(primary: NodeSnapshot | null): Check {
  return check('primary-not-in-maintenance', !primary?.record.maintenance, {
    node: primary?.record.id ?? null,
    measured: primary?.record.maintenance ? 'in maintenance' : 'not in maintenance',
    limit: 'not in maintenance',
    remedy: `${primary?.record.id} is in maintenance, so nothing happens by itself: end maintenance or fail over by hand.`,
  });
}

export function adminOnly(rule: string, admin: boolean, what: string): Check {
  return check(rule, admin, {
    measured: admin ? 'admin' : 'not an admin',
    limit: 'admin',
    remedy: `${what} needs the admin role.`,
  });
}
