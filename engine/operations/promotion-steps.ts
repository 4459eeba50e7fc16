/**
 * Effects of changing a group's primary: promises, choice, grant, promote, route. Order and conditions are the availability protocol's: promises
 * before the grant, the grant by the candidate's own agent, routing only when the new primary itself says that it serves under its lease.
 */

import type { PromiseReport } from '../cluster/commands';
import { recordAfterGrant, recordAfterPromotion, recordAfterRegrant } from '../cluster/core/grant';
import { mustWaitForLease, promiseCheck } from '../cluster/core/ranking';
import type { GroupRecord } from '../cluster/model';
import { ClusterError, isClusterError, messageOf } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { lagBytes } from '../kernel/lsn';
import { delay, isoTime, pollUntil } from '../kernel/waiting';
import { choose, completePromises } from './core/candidates';
import { oldPrimaryServes } from './core/recovery';
import { formatBytes, isFresh } from './core/snapshot';
import type {
  ChoiceResult,
  DemoteResult,
  PromisesResult,
  PromoteResult,
  StepContext,
  StepOutcome,
} from './step-context';

/** After enough promises are in, this long for the rest: a more advanced member may be among them. */
const graceMs = 100;
const noQuorumGraceMs = 1_000;
/** After an orderly stop one complete member is proof enough; the rest only get this long to become voters at once. */
const plannedGraceMs = 30;
/** A member whose server is just starting is asked again for this long. */
const memberPatienceMs = 3_000;
/** A candidate that could not be promoted gets this long to stop and give its lease back. */
const freeMs = 5_000;

type FailoverOptions = { target: NodeId | null; automatic: boolean; allowDataLoss: boolean };

function optionsOf(context: StepContext): FailoverOptions {
  const { request } = context.operation;
  if (request.kind !== 'failover') {
    return { target: context.step.node ?? context.operation.chosen ?? null, automatic: false, allowDataLoss: false };
  }
  return {
    target: request.target ?? (request.mode === 'switchover' ? (context.operation.chosen ?? null) : null),
    automatic: request.automatic !== undefined,
    allowDataLoss: request.allowDataLoss === true,
  };
}

export async function collectPromises(context: StepContext): Promise<StepOutcome> {
  const { record } = context.group();
  const options = optionsOf(context);
  const shutdownLsn = context.resultOf<DemoteResult>('demote')?.shutdownLsn ?? null;
  const excluded = (context.step.result as PromisesResult | null)?.excluded ?? [];
  const members = membersOf(context).filter((id) => id !== record.primary || excluded.includes(id));
  if (members.length === 0) throw new ClusterError('CONFLICT', `Group ${record.name} has no other member.`);
  const epoch = record.epoch + 1;
  const poll: Poll = { record, epoch, options, excluded, shutdownLsn, promises: [], failures: new Map() };
  freeUnpromoted(context, record, excluded);
  await waitForEnough(context, poll, Promise.all(members.map((node) => askMember(context, poll, node))));

  const promises = [...poll.promises];
  const check = promiseCheck({ record, promises, allowDataLoss: options.allowDataLoss });
  const missing = members.filter((id) => !promises.some((promise) => promise.node === id));
  if (promises.length === 0 || (!check.ok && !isComplete(poll))) {
    const why = missing.map((id) => `${id}: ${poll.failures.get(id) ?? 'no answer'}`).join('; ');
    throw new ClusterError('CONFLICT', `${check.measured}, needed: ${check.limit} (${why}).`, {
      clusterCode: 'CLU_STANDBY_NOT_READY',
      reasons: missing.map((node) => ({
        rule: check.rule,
        node,
        measured: poll.failures.get(node) ?? 'no answer',
        limit: check.limit,
        remedy: `Bring back ${node}: an acknowledged write may be only there.`,
      })),
    });
  }
  const result: PromisesResult = { epoch, promises, missing, excluded };
  return {
    detail: `${promises.length} of ${members.length} members promised epoch ${epoch}; needed: ${check.limit}.`,
    result,
  };
}

/**
 * A candidate that was granted the epoch and could not be promoted lives on and renews its lease: it waits for this operation, which would wait for its
 * lease. It is asked to give the lease back; should it have been promoted after all, it stops in order first.
 */
function freeUnpromoted(context: StepContext, record: GroupRecord, excluded: readonly NodeId[]): void {
  const holder = record.primary;
  if (holder === null || record.leaseReleased || !excluded.includes(holder)) return;
  const timeoutMs = Math.min(freeMs, context.remainingMs());
  const params = { fence: context.fence(), group: record.name, epoch: record.epoch, drainMs: 0, timeoutMs };
  context.world.command(holder, 'agent.demote', params, timeoutMs).catch(() => undefined);
}

type Poll = {
  readonly record: GroupRecord;
  readonly epoch: number;
  readonly options: FailoverOptions;
  readonly excluded: readonly NodeId[];
  readonly shutdownLsn: string | null;
  readonly promises: PromiseReport[];
  readonly failures: Map<NodeId, string>;
};

/** A member that is just starting is asked again until the step's patience ends. */
async function askMember(context: StepContext, poll: Poll, node: NodeId): Promise<void> {
  const { shutdownLsn, record, epoch } = poll;
  const until = context.world.loop.now() + memberPatienceMs;
  if (node === poll.options.target && shutdownLsn !== null && !poll.excluded.includes(node)) {
    const wait = { fence: context.fence(), lsn: shutdownLsn, timeoutMs: Math.min(5_000, context.remainingMs()) };
    // Not fatal: the promise tells where it stands and the choice is made from that.
    await context.world.command(node, 'agent.waitForReplay', wait, wait.timeoutMs).catch(() => undefined);
  }
  for (;;) {
    try {
      const params = { fence: context.fence(), group: record.name, epoch };
      poll.promises.push(await context.world.command(node, 'agent.promise', params, context.remainingMs()));
      return;
    } catch (error) {
      poll.failures.set(node, messageOf(error));
      const again = isClusterError(error) && (error.retryable || runsOut(error)) && context.world.loop.now() < until;
      if (!again || context.signal.aborted) return;
      await delay(context.world.loop, 100, context.signal);
    }
  }
}

/** The member confirmed the present epoch while the store had no majority (a leader died): that ends by itself within a lease. */
function runsOut(error: ClusterError): boolean {
  return (error.details.reasons ?? []).some((reason) => reason.rule === 'fail-safe-hold');
}

/** Some member has everything up to the orderly stop: nobody else's promise adds a proof. */
function isComplete(poll: Poll): boolean {
  return completePromises(poll).length > 0;
}

async function waitForEnough(context: StepContext, poll: Poll, asked: Promise<unknown>): Promise<void> {
  const { record, options, excluded, promises } = poll;
  let allAnswered = false;
  const all = asked.then(() => {
    allAnswered = true;
  });
  const wantsTarget = options.target !== null && !excluded.includes(options.target);
  const started = context.world.loop.now();
  const deadline = started + Math.max(0, context.remainingMs() - 50);
  for (;;) {
    if (allAnswered || context.signal.aborted || context.world.loop.now() >= deadline) return;
    const hasTarget = !wantsTarget || promises.some((promise) => promise.node === options.target);
    const proved = promiseCheck({ record, promises, allowDataLoss: false }).ok || isComplete(poll);
    if (promises.length > 0 && proved && hasTarget) {
      const planned = isComplete(poll);
      await Promise.race([all, delay(context.world.loop, planned ? plannedGraceMs : graceMs, context.signal)]);
      return;
    }
    const patience = options.allowDataLoss && context.world.loop.now() - started > noQuorumGraceMs;
    if (patience && promises.length > 0 && hasTarget) return;
    await Promise.race([all, delay(context.world.loop, 5, context.signal)]);
  }
}

export function chooseMember(context: StepContext): StepOutcome {
  const { record } = context.group();
  const collected = context.resultOf<PromisesResult>('collect-promises');
  if (!collected) throw new ClusterError('INTERNAL', 'The promises are missing from the journal.');
  const options = optionsOf(context);
  const demoted = context.resultOf<DemoteResult>('demote');
  const shutdownLsn = demoted?.shutdownLsn ?? null;
  const oldPrimaryKept = demoted?.fencedBy === 'stop';
  const snapshot = context.world.snapshot();
  const group = snapshot.groups.get(record.name);
  if (!group) throw new ClusterError('NOT_FOUND', `There is no group ${record.name}.`);
  const { promises, excluded, epoch } = collected;
  const { request } = context.operation;
  const planned = request.kind !== 'failover' || request.mode === 'switchover';
  const nothingMayBeLost = planned && !(snapshot.config.autoFailover && record.automaticFailover);
  const proof = { shutdownLsn, oldPrimaryKept, nothingMayBeLost };
  const asked = { ...options, mode: 'failover' as const, record, promises, excluded, ...proof };
  const choice = choose(snapshot, group, asked);
  if (choice.kind === 'none') {
    throw new ClusterError('CONFLICT', choice.why, {
      clusterCode: 'CLU_STANDBY_NOT_READY',
      reasons: [{ rule: 'most-advanced', measured: choice.why, limit: null, remedy: choice.why }],
    });
  }
  const mayLose = record.mode === 'asynchronous' || record.promotable === 'none' || options.allowDataLoss;
  const primary = record.primary === null ? undefined : snapshot.nodes.get(record.primary);
  const known = shutdownLsn ?? primary?.report?.postgres.lsn ?? null;
  const bytesLost = mayLose ? lagBytes(known, choice.lsn) : 0;
  const result: ChoiceResult = { node: choice.node, epoch, lsn: choice.lsn, bytesLost };
  const lost =
    bytesLost === null ? ' Unknown how much is given up.' : bytesLost > 0 ? ` ${formatBytes(bytesLost)} given up.` : '';
  const over = choice.slotsLost.join(', ');
  const slots = over === '' ? '' : ` It has no ready copy of ${over}, whose consumers start over.`;
  return { detail: `${choice.why}${lost}${slots}`, result };
}

export async function grant(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  let heldSince: number | null = null;
  for (;;) {
    const { record, modRevision } = context.group();
    if (record.epoch === chosen.epoch && record.primary === chosen.node) {
      return { detail: `${chosen.node} holds epoch ${chosen.epoch}.`, result: { modRevision } };
    }
    if (record.epoch >= chosen.epoch) {
      throw new ClusterError('CONFLICT', `Epoch ${record.epoch} was granted to ${record.primary} meanwhile.`, {
        clusterCode: 'CLU_STALE_EPOCH',
      });
    }
    try {
      const { next, underLeaseGuard } = await grantTerms(context, record, chosen);
      const params = {
        fence: context.fence(),
        group: record.name,
        expectedModRevision: modRevision,
        next,
        underLeaseGuard,
      };
      const granted = await context.world.command(
        chosen.node,
        'agent.grant',
        params,
        Math.min(5_000, context.remainingMs()),
      );
      return { detail: `${chosen.node} holds epoch ${chosen.epoch}.`, result: granted };
    } catch (error) {
      if (!isClusterError(error) || context.signal.aborted) throw error;
      const code = error.details.clusterCode;
      const again = code === 'CLU_LEASE_HELD' || code === 'CLU_REVISION_CONFLICT' || error.code === 'TIMEOUT';
      if (!again || context.remainingMs() < 50) throw error;
      if (code === 'CLU_LEASE_HELD') {
        const now = context.world.loop.now();
        heldSince ??= now;
        if (now - heldSince > 3 * (record.leaseMs ?? context.world.snapshot().config.leaseMs))
          throw servesAgain(record);
      }
      const left = code === 'CLU_LEASE_HELD' ? (context.world.store.leaseRemainingMs(record.name) ?? 20) : 5;
      await delay(context.world.loop, Math.min(Math.max(5, left), context.remainingMs()), context.signal);
    }
  }
}

/**
 * A lease that nobody renews ends within its length. The old primary renews it again: it serves, and members that promised follow nobody until somebody
 * has the next epoch, so it takes that epoch itself.
 */
function servesAgain(record: GroupRecord): ClusterError {
  return new ClusterError('CONFLICT', `${record.primary} serves again and renews its lease.`, {
    clusterCode: 'CLU_LEASE_HELD',
    reasons: [
      {
        rule: oldPrimaryServes,
        measured: 'renewed',
        limit: 'run out',
        remedy: `Nothing: ${record.primary} takes the next epoch. Use mode switchover to move the primary.`,
      },
    ],
  });
}

/** The record to write and whether the old lease must have run out first, checked against the very record that will be replaced. */
async function grantTerms(
  context: StepContext,
  record: GroupRecord,
  chosen: ChoiceResult,
): Promise<{ next: GroupRecord; underLeaseGuard: boolean }> {
  const members = membersOf(context);
  const seenTimeline = seenTimelineOf(context);
  const at = isoTime(context.world.loop);
  const collected = context.resultOf<PromisesResult>('collect-promises');
  const { allowDataLoss } = optionsOf(context);
  if (record.primary === chosen.node) {
    const own = record.leaseReleased ? await promiseOfStopped(context, chosen) : null;
    if (own === null) return { next: recordAfterRegrant(record), underLeaseGuard: false };
    const promises = [...(collected?.promises ?? []), own];
    return {
      next: recordAfterGrant({ record, candidate: chosen.node, promises, members, seenTimeline, at }),
      underLeaseGuard: false,
    };
  }
  const promises = collected?.promises ?? [];
  const shutdownLsn = context.resultOf<DemoteResult>('demote')?.shutdownLsn ?? null;
  const complete = completePromises({ record, promises, shutdownLsn, excluded: collected?.excluded ?? [] });
  const byStop = record.leaseReleased && complete.some((promise) => promise.node === chosen.node);
  // The set may have moved since the promises were collected.
  if (!byStop && !promiseCheck({ record, promises, allowDataLoss }).ok) {
    throw new ClusterError('CONFLICT', 'The voter set changed after the promises were collected.');
  }
  const { config, nodes } = context.world.snapshot();
  /* Who would not answer or may not count must not become a voter that the first commit waits for. */
  const usable = (id: NodeId) => {
    const node = nodes.get(id);
    const allowed = !record.allowedVoters || record.allowedVoters.includes(id);
    return (
      id === chosen.node || (node !== undefined && isFresh(node, config.leaseMs) && !node.record.maintenance && allowed)
    );
  };
  const counted = promises.filter((promise) => usable(promise.node));
  return {
    next: recordAfterGrant({ record, candidate: chosen.node, promises: counted, members, seenTimeline, at }),
    underLeaseGuard: mustWaitForLease({ record, promises, allowDataLoss, failoverWait: record.failoverWait }),
  };
}

/** A server that somebody promoted by hand took a number, too. */
function seenTimelineOf(context: StepContext): number {
  const group = context.world.snapshot().groups.get(context.group().record.name);
  return Math.max(0, ...(group?.members ?? []).map((member) => member.report?.postgres.timeline ?? 0));
}

/** A primary that was stopped in order must promise its new epoch like any other; stopped, it has no position to tell, and needs none. */
async function promiseOfStopped(context: StepContext, chosen: ChoiceResult): Promise<PromiseReport | null> {
  const params = { fence: context.fence(), group: context.group().record.name, epoch: chosen.epoch };
  return context.world
    .command(chosen.node, 'agent.promise', params, Math.min(3_000, context.remainingMs()))
    .catch(() => null);
}

export async function promote(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  const before = context.group().record;
  const regrant = context.operation.oldPrimary === chosen.node;
  // An old primary that is granted again was stopped: its agent starts it under the new lease, there is nothing to promote.
  if (regrant)
    await context.world.command(chosen.node, 'agent.start', { fence: context.fence() }, context.remainingMs());
  const params = { fence: context.fence(), group: before.name, epoch: chosen.epoch, members: membersOf(context) };
  const promoted = await context.world.command(chosen.node, 'agent.promote', params, context.remainingMs());
  return {
    detail: `${chosen.node} is primary on timeline ${promoted.timeline} from ${promoted.forkLsn}.`,
    result: promoted satisfies PromoteResult,
    // A newer epoch than ours is not ours to correct, and a re-grant without a fork corrects nothing.
    group: (current) =>
      current.epoch !== chosen.epoch || current.primary !== chosen.node || (regrant && !forked(current, chosen.epoch))
        ? current
        : recordAfterPromotion(current, promoted),
  };
}

/** The grant wrote a history entry for this epoch: it expected a promotion. */
function forked(record: GroupRecord, epoch: number): boolean {
  return record.timelineHistory.at(-1)?.epoch === epoch;
}

export async function route(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  const group = context.group().record.name;
  const answer = await pollUntil(
    context.world.loop,
    async () => {
      const reply = await context.world.request(chosen.node, 'node.route', { group }, 1_000);
      return reply.role === 'primary' && reply.remainingMs > 0 && reply.epoch >= chosen.epoch ? reply : undefined;
    },
    {
      timeoutMs: context.remainingMs(),
      intervalMs: 10,
      what: `${chosen.node} serves as primary`,
      signal: context.signal,
    },
  );
  // A drained primary that comes back as a standby is to take readers again; it may be down, then it forgot about the drain.
  const old = context.operation.oldPrimary ?? null;
  if (old !== null && old !== chosen.node) {
    const params = { fence: context.fence(), group, draining: false };
    context.world.command(old, 'agent.drain', params, 2_000).catch(() => undefined);
  }
  return {
    detail: `${answer.host}:${answer.port} serves epoch ${answer.epoch}.`,
    result: { host: answer.host, port: answer.port },
  };
}

/** Members rejoin by themselves; this only sees it and notes what it saw, so it never fails the operation. */
export async function rejoin(context: StepContext): Promise<StepOutcome> {
  const { record } = context.group();
  const others = membersOf(context).filter((id) => id !== record.primary);
  const streaming = () => {
    const primary = record.primary === null ? undefined : context.world.snapshot().nodes.get(record.primary);
    const senders = primary?.report?.postgres.senders ?? [];
    return others.filter((id) =>
      senders.some((sender) => sender.applicationName === id && sender.state === 'streaming'),
    );
  };
  // Whose agent is silent will not follow soon; the group need not be held for it.
  const awaited = () => {
    const { nodes, config } = context.world.snapshot();
    return others.filter((id) => {
      const node = nodes.get(id);
      return node !== undefined && isFresh(node, config.leaseMs);
    });
  };
  const quickMs = Math.min(3_000, context.remainingMs() - 100);
  await pollUntil(context.world.loop, () => (awaited().every((id) => streaming().includes(id)) ? true : undefined), {
    timeoutMs: quickMs,
    intervalMs: 50,
    what: 'all members that answer follow',
    signal: context.signal,
  }).catch(() => undefined);
  const following = streaming();
  const absent = others.filter((id) => !following.includes(id));
  const rest = absent.length === 0 ? '' : ` ${absent.join(', ')} will when back.`;
  return {
    detail: `${following.length === 0 ? 'Nobody follows' : `${following.join(', ')} follow`} ${record.primary}.${rest}`,
    result: { following, absent },
  };
}

function membersOf(context: StepContext): readonly NodeId[] {
  const group = context.world.snapshot().groups.get(context.group().record.name);
  return (group?.members ?? []).map((member) => member.record.id);
}

function mustHave<T>(context: StepContext, action: 'choose'): T {
  const result = context.resultOf<T>(action);
  if (result === undefined) throw new ClusterError('INTERNAL', 'The choice is missing from the journal.');
  return result;
}
