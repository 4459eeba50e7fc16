/**
 * The controller's commands, as this node obeys them. Every command first passes the fence (a lower controller term than one obeyed before is
 * refused, durably), is idempotent, and does its work in the server queue so that it never crosses the reconcile loop.
 */
import type { AgentCommand, AgentCommands, Fence } from '../cluster/commands';
import { shippedUpTo } from '../cluster/core/clean-stop';
import { recordAfterRegrant } from '../cluster/core/grant';
import { commitsWait } from '../cluster/core/voter-set';
import { type GroupRecord, keys } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError, messageOf } from '../kernel/errors';
import { delay } from '../kernel/waiting';
import { slotName } from '../postgres/settings';
import type { SlotInfo, SlotSpec } from '../replication/model';
import { admitFence, decideConfirm, decideGrant, decidePromise, type MemberFacts, type Refusal } from './core/promise';
import { Drain } from './drain';
import type { EarlierLife } from './earlier-life';
import type { LeaseHolder } from './lease-holder';
import type { MemberLoop } from './member-loop';
import type { NewDisk } from './new-disk';
import { clusterConfig, groupFact, groupMembers, instantOf, type NodeContext, nodeRecord } from './node-context';
import type { PrimaryDuties } from './primary-duties';
import type { RestartHold } from './restart-hold';
import type { StandbyStop } from './standby-stop';
import type { StepDown } from './step-down';

const stopReceivingTimeoutMs = 3_000;
const promoteTimeoutMs = 60_000;
const dropCopyTimeoutMs = 8_000;
const startTimeoutMs = 120_000;
const stopTimeoutMs = 60_000;

export type CommandHandlersOptions = {
  readonly context: NodeContext;
  readonly lease: LeaseHolder;
  readonly earlierLife: EarlierLife;
  readonly hold: RestartHold;
  readonly newDisk: NewDisk;
  readonly loop: MemberLoop;
  readonly duties: PrimaryDuties;
  readonly stepDown: StepDown;
  readonly standbyStop: Pick<StandbyStop, 'prepare'>;
  readonly onPromoted: (epoch: number) => void;
  readonly onRouteChange: () => void;
  readonly onSlotsChanged: () => void;
  /** Copies without a slot on the primary need not be kept any longer. */
  readonly letSlotCopiesGo: () => void;
};

type Handler<C extends AgentCommand> = (params: AgentCommands[C]['params']) => Promise<AgentCommands[C]['result']>;

export class CommandHandlers {
  readonly #drain: Drain;
  #stopping = false;
  /** The operation that the last slot was created for. */
  #madeFor: string | null = null;
  readonly #context: NodeContext;

  constructor(private readonly options: CommandHandlersOptions) {
    this.#context = options.context;
    this.#drain = new Drain(options.context.loop, () => groupFact(options.context)?.record ?? null);
  }

  /** This process ends: its promises still help others, but nobody may choose it. */
  stopping(): void {
    this.#stopping = true;
  }

  /** The node asks for no new sessions. */
  get draining(): boolean {
    return this.#drain.active;
  }

  readonly handlers: { readonly [C in AgentCommand]: Handler<C> } = {
    'agent.promise': (params) => this.#promise(params),
    'agent.grant': (params) => this.#grant(params),
    'agent.promote': (params) => this.#promote(params),
    'agent.drain': async ({ fence, draining }) => {
      this.#admit(fence);
      if (draining) this.#drain.begin(fence.operation);
      else this.#drain.end();
      this.options.onRouteChange();
      return { sessions: (await this.#context.postgres.report()).connections };
    },
    'agent.checkpoint': async ({ fence }) => {
      this.#admit(fence);
      await this.#context.postgres.checkpoint();
      return {};
    },
    'agent.demote': (params) => this.#demote(params),
    'agent.stop': async ({ fence, mode }) => {
      this.#admit(fence);
      if (mode === 'fast') await this.options.standbyStop.prepare();
      await this.#context.serverQueue.run(async () => {
        await this.options.stepDown.endConsumers();
        await this.#context.postgres.stop(mode, stopTimeoutMs);
      });
      return {};
    },
    'agent.start': async ({ fence }) => {
      this.#admit(fence);
      this.options.loop.trigger();
      await this.#untilRunning();
      return {};
    },
    'agent.restart': async ({ fence, mode }) => {
      this.#admit(fence);
      await this.#restart(mode);
      return {};
    },
    'agent.reclone': async ({ fence }) => {
      this.#admit(fence);
      this.options.loop.wantReclone();
      while (this.options.loop.recloneWanted) await delay(this.#context.loop, 100);
      await this.#untilRunning();
      return { bytes: this.options.loop.backupBytes };
    },
    'agent.settings': async ({ fence, settings }) => {
      this.#admit(fence);
      return this.#context.serverQueue.run(() => this.#context.postgres.applySettings(settings));
    },
    'agent.position': async ({ fence }) => {
      this.#admit(fence);
      const { lsn, timeline, inRecovery } = await this.#context.postgres.position();
      return { lsn, timeline, inRecovery };
    },
    'agent.waitForReplay': async ({ fence, lsn, timeoutMs }) => {
      this.#admit(fence);
      // Right after a switchover the old primary is still on its way up.
      await this.#untilRunning();
      await this.#context.postgres.waitForReplay(lsn, timeoutMs);
      return {};
    },
    'agent.createSlot': async ({ fence, slot }) => {
      this.#admit(fence);
      const { lease } = this.options;
      if (lease.epoch === null || !lease.holds(lease.epoch) || (await this.#context.postgres.position()).inRecovery) {
        throw new ClusterError('CONFLICT', `${this.#context.config.nodeId} is not the primary any more.`, {
          clusterCode: 'CLU_STALE_EPOCH',
        });
      }
      const found = (await this.#context.postgres.slots()).slots.find((one) => one.name === slot.name);
      // A controller that took over, or whose answer was lost, repeats the step: the slot may be what it made before.
      const repeated = fence.attempt > 1 || this.#madeFor === fence.operation;
      const made = repeated && found && isTheSame(found, slot) ? found : await this.#context.postgres.createSlot(slot);
      this.#madeFor = fence.operation;
      this.options.onSlotsChanged();
      return made;
    },
    'agent.copySlot': async ({ fence, name, timeoutMs }) => {
      this.#admit(fence);
      return { ready: await this.#context.postgres.waitForSlotCopy(name, timeoutMs) };
    },
    'agent.dropSlotCopy': async ({ fence, name, timeoutMs }) => {
      this.#admit(fence);
      this.options.letSlotCopiesGo();
      return { gone: await this.#context.postgres.waitForNoSlotCopy(name, timeoutMs) };
    },
    'agent.endConsumers': async ({ fence }) => {
      this.#admit(fence);
      await this.#context.postgres.endConsumers();
      const { slots } = await this.#context.postgres.slots();
      const follow = slots.filter((slot) => slot.failover && !slot.temporary && slot.confirmedFlushLsn !== null);
      return { slots: follow.map((slot) => ({ name: slot.name, lsn: slot.confirmedFlushLsn! })) };
    },
    'agent.catchUpSlots': async ({ fence, slots, timeoutMs }) => {
      this.#admit(fence);
      return { caughtUp: await this.#context.postgres.waitForSlotCopies(slots, timeoutMs) };
    },
    'agent.dropSlot': async ({ fence, name }) => {
      this.#admit(fence);
      const dropped = await this.#dropSlot(name);
      this.options.onSlotsChanged();
      return { dropped };
    },
    'agent.confirmEpoch': async (params) => {
      const facts = this.#facts();
      const decision = decideConfirm(facts, params);
      if (decision.confirmed) this.options.hold.confirmed(decision.hold, facts, params.holdMs);
      return { confirmed: decision.confirmed, epoch: decision.epoch };
    },
  };

  /** A copy that the primary has no slot for can't be dropped by hand: PostgreSQL does it once it may. */
  async #dropSlot(name: string): Promise<boolean> {
    const { postgres } = this.#context;
    const found = (await postgres.slots()).slots.find((one) => one.name === name);
    if (!found?.synced) return postgres.dropSlot(name);
    this.options.letSlotCopiesGo();
    if (await postgres.waitForNoSlotCopy(name, dropCopyTimeoutMs)) return true;
    throw new ClusterError('UNAVAILABLE', `PostgreSQL has not dropped the copy ${name} yet; it goes on trying.`);
  }

  /** A member that promised an epoch nobody took asks the holder to take it, so that it has a primary to follow again; so may the holder itself. */
  async takeEpoch(epoch: number): Promise<void> {
    const { lease } = this.options;
    const fact = groupFact(this.#context);
    const held = lease.epoch;
    if (!fact || held === null || held >= epoch || !lease.holds(held) || fact.record.operation !== null) return;
    const key = keys.group(this.#context.config.group);
    const { durable } = this.#context;
    // Tried is as good as held for whoever compares its WAL later: on disk before the store can know.
    durable.save({ ...durable.current, lastHeldEpoch: epoch });
    const sent = instantOf(this.#context.loop);
    const result = await this.#context.store.txn({
      compare: [{ key, modRevision: fact.modRevision }],
      mutations: [{ kind: 'put', key, value: { ...fact.record, epoch, leaseReleased: false } as unknown as Json }],
      grants: { group: fact.record.name, epoch, holder: this.#context.config.nodeId },
    });
    if (!result.succeeded) return;
    this.options.earlierLife.ended();
    durable.save({ ...durable.current, promisedEpoch: epoch });
    lease.input({ kind: 'granted', epoch, sent });
    this.#context.logger.info({ epoch }, 'took the next epoch: a failover was begun and given up');
  }

  /** Nobody took the lease that this node gave back, and no operation is about to: it takes the next epoch itself. */
  async takeBack(): Promise<void> {
    const fact = groupFact(this.#context);
    const { durable, config, logger } = this.#context;
    if (fact?.record.primary !== config.nodeId || !fact.record.leaseReleased || fact.record.operation !== null) return;
    const next = recordAfterRegrant(fact.record);
    const { controllerTerm } = durable.current;
    await this.options.newDisk.settle();
    await this.options.hold.learn();
    const promise = decidePromise(this.#facts(), { epoch: next.epoch, fence: { controllerTerm } });
    if (!promise.ok) throw refusal(promise);
    durable.save(promise.durable);
    const fence = { controllerTerm, groupEpoch: fact.record.epoch, operation: '', step: 'take-back', attempt: 1 };
    await this.#grant({ fence, group: next.name, expectedModRevision: fact.modRevision, next, underLeaseGuard: false });
    this.#drain.end();
    logger.info({ epoch: next.epoch }, 'took the next epoch: nobody could take over the lease that was given back');
  }

  #facts(): MemberFacts {
    return {
      self: this.#context.config.nodeId,
      record: groupFact(this.#context)?.record ?? null,
      durable: this.#context.durable.current,
      hold: this.options.hold.current,
      lostVoter: this.options.newDisk.lostVoter,
      role: this.options.lease.mayBeHolder() ? 'holder' : 'member',
      now: this.#context.loop.now(),
    };
  }

  #admit(fence: Fence): void {
    const decision = admitFence(this.#context.durable.current, fence);
    if (!decision.ok) throw refusal(decision);
    this.#context.durable.save(decision.durable);
  }

  async #promise({
    fence,
    epoch,
  }: AgentCommands['agent.promise']['params']): Promise<AgentCommands['agent.promise']['result']> {
    await this.options.hold.learn();
    await this.options.newDisk.settle();
    const decision = decidePromise(this.#facts(), { epoch, fence });
    if (!decision.ok) throw refusal(decision);
    this.#context.durable.save(decision.durable);
    this.options.loop.abortBackup();
    this.#context.walSource.setUpstream(null);
    return this.#context.serverQueue.run(async () => {
      // What the member loop began before the promise may have opened it again.
      this.#context.walSource.setUpstream(null);
      const report = await this.#context.reports.get(0);
      if (report.state !== 'standby') {
        throw new ClusterError(
          'UNAVAILABLE',
          `PostgreSQL of ${this.#context.config.nodeId} is ${report.state}; it promised epoch ${epoch} but has no position to report.`,
          {
            clusterCode: 'CLU_STANDBY_NOT_READY',
          },
        );
      }
      await this.#replayWithEnough();
      const position = await this.#context.postgres.stopReceiving(stopReceivingTimeoutMs);
      return { node: this.#context.config.nodeId, epoch, ...position };
    });
  }

  /** A standby whose replay stands for want of parameters could neither reach the end of its WAL nor be promoted: restarted, following nobody. */
  async #replayWithEnough(): Promise<void> {
    const { postgres, config, logger } = this.#context;
    const shortfall = await postgres.parameterShortfall();
    if (shortfall.length === 0) return;
    logger.warn({ shortfall }, 'restarting the standby with enough, so that it can replay and be promoted');
    await postgres.stop('fast', stopTimeoutMs);
    const record = groupFact(this.#context)?.record;
    await postgres.start('standby', {
      follow: false,
      commitsWait: record !== undefined && commitsWait(record),
      members: groupMembers(this.#context).length,
      slot: slotName(config.nodeId),
      timeoutMs: promoteTimeoutMs,
    });
  }

  async #grant({
    fence,
    expectedModRevision,
    next,
    underLeaseGuard,
  }: AgentCommands['agent.grant']['params']): Promise<{ modRevision: number }> {
    const { store, config, durable } = this.#context;
    const mayGrant = () => {
      if (this.#stopping) throw new ClusterError('CONFLICT', `${config.nodeId} is being stopped.`);
      const decision = decideGrant(this.#facts(), { epoch: next.epoch, fence });
      if (!decision.ok) throw refusal(decision);
      return decision;
    };
    mayGrant();
    const key = keys.group(config.group);
    const before = await store.get(key);
    const current = before?.value as unknown as GroupRecord | undefined;
    if (before && current?.epoch === next.epoch && current.primary === config.nodeId)
      return { modRevision: before.modRevision };
    // The read may have taken long: what was promised or obeyed meanwhile counts.
    durable.save(mayGrant().durable);
    const leaseMs = this.#lengthToGrant(next, current ?? null);
    this.#prepareNames(next);
    const sent = instantOf(this.#context.loop);
    const result = await store.txn({
      compare: [{ key, modRevision: expectedModRevision }],
      mutations: [{ kind: 'put', key, value: { ...next, leaseMs } as unknown as Json }],
      grants: { group: next.name, epoch: next.epoch, holder: config.nodeId },
      ...(underLeaseGuard ? { leaseGuard: { group: next.name, epoch: next.epoch - 1 } } : {}),
    });
    if (!result.succeeded) {
      throw new ClusterError('CONFLICT', `The record of ${next.name} changed before the grant.`, {
        clusterCode: 'CLU_REVISION_CONFLICT',
      });
    }
    this.options.earlierLife.ended();
    durable.saveLengths({ countedLeaseMs: leaseMs });
    // A higher promise that was given while the grant was on its way stands: the reconcile loop waits for that epoch's operation, or ends it.
    if (durable.current.promisedEpoch > next.epoch) {
      throw refusal({
        ok: false,
        rule: 'promised-higher',
        sentence: `This node has promised epoch ${durable.current.promisedEpoch} meanwhile.`,
        retryAfterMs: null,
      });
    }
    this.options.lease.input({ kind: 'granted', epoch: next.epoch, sent, leaseMs });
    this.options.lease.wake();
    return { modRevision: result.revision };
  }

  /** The configured length; for a holder that goes on, what it gave its guardian and routers under a longer one still counts. */
  #lengthToGrant(next: GroupRecord, current: GroupRecord | null): number {
    const configured = clusterConfig(this.#context)?.leaseMs ?? next.leaseMs ?? this.options.lease.state.budget.leaseMs;
    if (current?.primary !== this.#context.config.nodeId) return configured;
    return Math.max(configured, current.leaseMs ?? 0);
  }

  /**
   * While the grant is under way: the promotion sets the same list again, and finds it set. A standby commits nothing, so a list whose grant fails
   * changes nothing; whoever is promoted sets its own.
   */
  #prepareNames({ voterSet }: GroupRecord): void {
    const { postgres, reports, serverQueue, logger } = this.#context;
    if (reports.last?.state !== 'standby') return;
    serverQueue
      .run(() => postgres.setSynchronousStandbys(voterSet.members, voterSet.k))
      .catch((error: unknown) => logger.debug({ error: messageOf(error) }, 'names not set beforehand'));
  }

  async #promote({
    fence,
    epoch,
    members,
  }: AgentCommands['agent.promote']['params']): Promise<AgentCommands['agent.promote']['result']> {
    this.#admit(fence);
    const { postgres, store, config } = this.#context;
    const { lease, duties, loop } = this.options;
    return this.#context.serverQueue.run(async () => {
      const entry = await store.get(keys.group(config.group));
      const record = entry?.value as unknown as GroupRecord | undefined;
      if (!record || record.epoch !== epoch || record.primary !== config.nodeId) {
        throw new ClusterError(
          'PRECONDITION_FAILED',
          `Epoch ${epoch} of ${config.group} is not granted to ${config.nodeId}.`,
          { clusterCode: 'CLU_STALE_EPOCH' },
        );
      }
      this.#mustMayStart(epoch);
      // One that somebody promoted by hand in this very moment runs as primary too, and nobody guards it.
      if ((await postgres.report()).state !== 'primary' || !lease.serving) {
        lease.input({ kind: 'server-starting' });
        await postgres.setRole('primary', lease.leaseLeftMs());
        await postgres.setSynchronousStandbys(record.voterSet.members, record.voterSet.k);
        this.#mustMayStart(epoch);
        await postgres.promote(promoteTimeoutMs, record.timeline);
        duties.promoted(epoch, record.voterSet);
        loop.forgetUpstream();
      }
      this.#drain.end();
      // A look that began before the promotion would take the route away again for a moment.
      this.#context.reports.invalidate();
      this.options.onPromoted(epoch);
      await postgres.keepSlots(
        members.filter((node) => node !== config.nodeId),
        {},
      );
      await postgres.setSynchronizedStandbySlots(record.voterSet.members);
      const history = await postgres.timelineHistory();
      const position = await postgres.position();
      const forkLsn = history.at(-1)?.forkLsn ?? position.lsn;
      return { timeline: position.timeline, forkLsn, lsn: position.lsn };
    });
  }

  /** Asked again after every wait: what was true before it proves nothing. */
  #mustMayStart(epoch: number): void {
    if (this.options.lease.mayStart(epoch)) return;
    const { nodeId } = this.#context.config;
    throw new ClusterError('UNAVAILABLE', `The lease of epoch ${epoch} is not confirmed on ${nodeId}.`, {
      clusterCode: 'CLU_LEASE_HELD',
    });
  }

  async #demote({
    fence,
    epoch,
    drainMs,
    timeoutMs,
  }: AgentCommands['agent.demote']['params']): Promise<AgentCommands['agent.demote']['result']> {
    this.#admit(fence);
    const { postgres } = this.#context;
    const { stepDown } = this.options;
    this.#drain.begin(fence.operation);
    this.options.onRouteChange();
    if (drainMs > 0) await delay(this.#context.loop, drainMs);
    return this.#context.serverQueue.run(async () => {
      await stepDown.stop(epoch, timeoutMs);
      const found = await postgres.inspect();
      if (found.kind === 'absent') throw new ClusterError('CONFLICT', 'The data directory is gone.');
      await stepDown.release(epoch);
      return { shutdownLsn: shippedUpTo(found.control), controlState: found.control.state };
    });
  }

  async #restart(mode: 'fast' | 'immediate'): Promise<void> {
    const { postgres } = this.#context;
    const { lease, loop, standbyStop } = this.options;
    if (mode === 'fast') await standbyStop.prepare();
    await this.#context.serverQueue.run(async () => {
      await this.options.stepDown.endConsumers();
      await postgres.stop(mode, stopTimeoutMs);
      if (lease.mayBeHolder() && (await postgres.isDead())) lease.input({ kind: 'all-dead' });
    });
    loop.trigger();
    await this.#untilRunning();
  }

  /** Until the reconcile loop has brought the server up; the command's own deadline ends the wait. */
  async #untilRunning(): Promise<void> {
    const { nodeId } = this.#context.config;
    const deadline = this.#context.loop.now() + startTimeoutMs;
    const { count } = this.options.loop.starts.failures;
    while (this.#context.loop.now() < deadline) {
      const { state } = await this.#context.postgres.report();
      const own = nodeRecord(this.#context, this.#context.config.nodeId);
      if (state === 'primary' || state === 'standby') return;
      if (own?.wanted === 'stopped') throw new ClusterError('CONFLICT', 'The node is to stay stopped.');
      // Once may be chance; a second time it will not get better by waiting.
      if (this.options.loop.starts.failures.count >= count + 2)
        throw doesNotStart(nodeId, this.options.loop.starts.failures.words);
      await delay(this.#context.loop, 50);
    }
    throw new ClusterError(
      'TIMEOUT',
      `PostgreSQL of ${this.#context.config.nodeId} is not up after ${startTimeoutMs} ms: ${this.options.loop.troubles[0] ?? this.options.loop.activity ?? 'no reason known'}`,
    );
  }
}

function doesNotStart(node: string, words: string | null): ClusterError {
  const why = words ?? 'no reason known';
  return new ClusterError('CONFLICT', `PostgreSQL of ${node} does not start: ${why}`, {
    reasons: [
      {
        rule: 'postgres-starts',
        measured: why,
        limit: 'accepts connections',
        remedy: 'Change what PostgreSQL names; the node tries again by itself.',
        node,
      },
    ],
  });
}

function isTheSame(found: SlotInfo, wanted: SlotSpec): boolean {
  const { type, plugin, database, failover } = found;
  return (
    type === wanted.type && plugin === wanted.plugin && database === wanted.database && failover === wanted.failover
  );
}

function refusal(decision: Refusal): ClusterError {
  return new ClusterError('CONFLICT', decision.sentence, {
    clusterCode: 'CLU_STALE_EPOCH',
    reasons: [
      {
        rule: decision.rule,
        measured: null,
        limit: null,
        remedy:
          decision.retryAfterMs === null
            ? 'Plan again from the present state.'
            : `Try again in ${decision.retryAfterMs} ms.`,
      },
    ],
  });
}
