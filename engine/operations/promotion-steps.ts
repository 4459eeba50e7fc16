/**
 * Effects of changing a group's primary: promises, choice, grant, promote, route. Order and conditions are the availability protocol's: promises
 * before the grant, the grant by the candidate's own agent, routing only when the new primary itself says that it serves under its lease.
 */

import type { PromiseReport } from '../cluster/commands';
import { recordAfterGrant, recordAfterPromotion, recordAfterRegrant } from '../cluster/core/grant';
import type { GroupRecord } from '../cluster/model';
import { delay, pollUntil } from '../kernel/async';
import { ClusterError, isClusterError, messageOf } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { lagBytes } from '../kernel/lsn';
import { choosePromise, enoughPromises } from './core/choose-promise';
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
  const demoted = context.resultOf<DemoteResult>('demote');
  const before = context.step.result as PromisesResult | null;
  const excluded = before?.excluded ?? [];
  const members = membersOf(context).filter((id) => id !== record.primary || excluded.includes(id));
  const epoch = record.epoch + 1;
  if (members.length === 0) throw new ClusterError('CONFLICT', `Group ${record.name} has no other member.`);

  const promises: PromiseReport[] = [];
  const failures: string[] = [];
  const asked = members.map(async (node) => {
    try {
      if (node === options.target && demoted?.shutdownLsn && !excluded.includes(node)) {
        const wait = {
          fence: context.fence(),
          lsn: demoted.shutdownLsn,
          timeoutMs: Math.min(5_000, context.remainingMs()),
        };
        // Not fatal: the promise below tells where it stands and the choice is made from that.
        await context.world.command(node, 'agent.waitForReplay', wait, wait.timeoutMs).catch(() => undefined);
      }
      const params = { fence: context.fence(), group: record.name, epoch };
      promises.push(await context.world.command(node, 'agent.promise', params, context.remainingMs()));
    } catch (error) {
      failures.push(`${node}: ${messageOf(error)}`);
    }
  });
  await waitForEnough(context, record, { asked, promises, options, excluded });

  const quorum = enoughPromises(record, promises);
  const result: PromisesResult = { epoch, promises: [...promises], missing: quorum.missing, excluded };
  if (promises.length === 0 || (!quorum.enough && !options.allowDataLoss)) {
    throw new ClusterError(
      'CONFLICT',
      `${quorum.have} of ${record.voterSet.members.length} voters promised, ${quorum.needed} are needed${failures.length > 0 ? ` (${failures.join('; ')})` : ''}.`,
      {
        clusterCode: 'CLU_STANDBY_NOT_READY',
        reasons: quorum.missing.map((node) => ({
          rule: 'voter-quorum',
          node,
          measured: `${quorum.have} promises`,
          limit: `${quorum.needed}`,
          remedy: `Bring back ${node}: an acknowledged write may be only there.`,
        })),
      },
    );
  }
  return {
    detail: `${promises.length} of ${members.length} members promised epoch ${epoch}; ${quorum.needed} of ${record.voterSet.members.length} voters were needed.`,
    result,
  };
}

async function waitForEnough(
  context: StepContext,
  record: GroupRecord,
  state: {
    asked: readonly Promise<void>[];
    promises: readonly PromiseReport[];
    options: FailoverOptions;
    excluded: readonly NodeId[];
  },
): Promise<void> {
  const { asked, promises, options, excluded } = state;
  let allAnswered = false;
  const all = Promise.all(asked).then(() => {
    allAnswered = true;
  });
  const wantsTarget = options.target !== null && !excluded.includes(options.target);
  const deadline = performance.now() + Math.max(0, context.remainingMs() - 50);
  const started = performance.now();
  for (;;) {
    if (allAnswered || context.signal.aborted || performance.now() >= deadline) return;
    const hasTarget = !wantsTarget || promises.some((promise) => promise.node === options.target);
    if (promises.length > 0 && enoughPromises(record, promises).enough && hasTarget) {
      await Promise.race([all, delay(graceMs, context.signal)]);
      return;
    }
    const patience = options.allowDataLoss && performance.now() - started > noQuorumGraceMs;
    if (patience && promises.length > 0 && hasTarget) return;
    await Promise.race([all, delay(5, context.signal)]);
  }
}

export function choose(context: StepContext): StepOutcome {
  const { record } = context.group();
  const collected = context.resultOf<PromisesResult>('collect-promises');
  if (!collected) throw new ClusterError('INTERNAL', 'The promises are missing from the journal.');
  const options = optionsOf(context);
  const demoted = context.resultOf<DemoteResult>('demote');
  const snapshot = context.world.snapshot();
  const primary = record.primary === null ? undefined : snapshot.nodes.get(record.primary);
  const choice = choosePromise({
    record,
    promises: collected.promises,
    members: membersOf(context).flatMap((id) => {
      const node = snapshot.nodes.get(id);
      if (!node) return [];
      const { priority, maintenance, region } = node.record;
      return [{ id, priority, maintenance, region, cpuPercent: node.report?.cpuPercent ?? 100 }];
    }),
    primaryRegion: primary?.record.region ?? null,
    target: options.target,
    excluded: collected.excluded,
    automatic: options.automatic,
    allowDataLoss: options.allowDataLoss,
    mustReachLsn: demoted?.shutdownLsn ?? null,
  });
  if (choice.kind === 'none') {
    throw new ClusterError('CONFLICT', choice.why, {
      clusterCode: 'CLU_STANDBY_NOT_READY',
      reasons: [{ rule: 'most-advanced', measured: choice.why, limit: null, remedy: choice.why }],
    });
  }
  const mayLose = record.mode === 'asynchronous' || record.promotable === 'none' || options.allowDataLoss;
  const known = demoted?.shutdownLsn ?? primary?.report?.postgres.lsn ?? null;
  const bytesLost = mayLose ? lagBytes(known, choice.lsn) : 0;
  const result: ChoiceResult = { node: choice.node, epoch: collected.epoch, lsn: choice.lsn, bytesLost };
  const lost =
    bytesLost === null ? ' Unknown how much is given up.' : bytesLost > 0 ? ` ${formatBytes(bytesLost)} given up.` : '';
  return { detail: `${choice.why}${lost}`, result };
}

export async function grant(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  const collected = context.resultOf<PromisesResult>('collect-promises');
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
    const regrant = record.primary === chosen.node;
    // The set may have moved since the promises: the rule is checked against the set that the compare-and-swap will replace.
    if (
      !regrant &&
      collected &&
      !optionsOf(context).allowDataLoss &&
      !enoughPromises(record, collected.promises).enough
    ) {
      throw new ClusterError('CONFLICT', 'The voter set changed after the promises were collected.');
    }
    try {
      const params = {
        fence: context.fence(),
        group: record.name,
        expectedModRevision: modRevision,
        next: nextRecord(context, record, chosen, collected),
        underLeaseGuard: !regrant && needsLeaseGuard(context, record),
      };
      const timeoutMs = Math.min(5_000, context.remainingMs());
      const granted = await context.world.command(chosen.node, 'agent.grant', params, timeoutMs);
      return { detail: `${chosen.node} holds epoch ${chosen.epoch}.`, result: granted };
    } catch (error) {
      if (!isClusterError(error) || context.signal.aborted) throw error;
      const again =
        error.details.clusterCode === 'CLU_LEASE_HELD' || error.code === 'CONFLICT' || error.code === 'TIMEOUT';
      if (!again || context.remainingMs() < 50) throw error;
      const left = context.world.store.leaseRemainingMs(record.name) ?? 20;
      const held = error.details.clusterCode === 'CLU_LEASE_HELD';
      await delay(Math.min(held ? Math.max(5, left) : 5, context.remainingMs()), context.signal);
    }
  }
}

function needsLeaseGuard(context: StepContext, record: GroupRecord): boolean {
  return (
    record.failoverWait === 'lease' ||
    record.mode === 'asynchronous' ||
    record.promotable === 'none' ||
    optionsOf(context).allowDataLoss
  );
}

function nextRecord(
  context: StepContext,
  record: GroupRecord,
  chosen: ChoiceResult,
  collected: PromisesResult | undefined,
): GroupRecord {
  if (record.primary === chosen.node) return recordAfterRegrant(record);
  const { config, nodes } = context.world.snapshot();
  /* Who would not answer or may not count must not become a voter that the first commit waits for. */
  const usable = (id: NodeId) => {
    const node = nodes.get(id);
    const allowed = !record.allowedVoters || record.allowedVoters.includes(id);
    return (
      id === chosen.node || (node !== undefined && isFresh(node, config.leaseMs) && !node.record.maintenance && allowed)
    );
  };
  return recordAfterGrant({
    record,
    candidate: chosen.node,
    promises: (collected?.promises ?? []).filter((promise) => usable(promise.node)),
    members: membersOf(context),
    at: new Date(context.world.nowMs()).toISOString(),
  });
}

export async function promote(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  const { record } = context.group();
  const params = { fence: context.fence(), group: record.name, epoch: chosen.epoch, members: membersOf(context) };
  const promoted = await context.world.command(chosen.node, 'agent.promote', params, context.remainingMs());
  const regrant = context.operation.oldPrimary === chosen.node;
  return {
    detail: `${chosen.node} is primary on timeline ${promoted.timeline} from ${promoted.forkLsn}.`,
    result: promoted satisfies PromoteResult,
    // A re-grant has no fork; a newer epoch than ours is not ours to correct.
    group: (current) =>
      regrant || current.epoch !== chosen.epoch || current.primary !== chosen.node
        ? current
        : recordAfterPromotion(current, promoted),
  };
}

export async function route(context: StepContext): Promise<StepOutcome> {
  const chosen = mustHave<ChoiceResult>(context, 'choose');
  const group = context.group().record.name;
  const answer = await pollUntil(
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
  const quickMs = Math.min(3_000, context.remainingMs() - 100);
  await pollUntil(() => (streaming().length === others.length ? true : undefined), {
    timeoutMs: quickMs,
    intervalMs: 50,
    what: 'all members follow',
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

export function membersOf(context: StepContext): readonly NodeId[] {
  const group = context.world.snapshot().groups.get(context.group().record.name);
  return (group?.members ?? []).map((member) => member.record.id);
}

function mustHave<T>(context: StepContext, action: 'choose'): T {
  const result = context.resultOf<T>(action);
  if (result === undefined) throw new ClusterError('INTERNAL', 'The choice is missing from the journal.');
  return result;
}
