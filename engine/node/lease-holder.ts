/**
 * Runs the lease core: feeds it clocks and answers, carries out its effects. It never waits for PostgreSQL or the store: every effect that takes
 * time reports back as an input, so a stuck server can't delay a renewal or a deadline.
 */
import type { AgentCommands } from '../cluster/commands';
import { failSafeMembers, type VoterSet } from '../cluster/core/voter-set';
import type { RenewResult } from '../control/store';
import { isClusterError, messageOf, unreachable } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { delay } from '../kernel/waiting';
import {
  admitRemainingMs,
  holdsLease,
  type Instant,
  initialLeaseState,
  type LeaseEffect,
  type LeaseInput,
  type LeaseState,
  leaseAgeMs,
  mayBeHolder,
  stepLease,
} from './core/lease-keeper';
import { releaseOwnLease } from './group-transaction';
import { groupFact, instantOf, type NodeContext, otherMembers } from './node-context';

const tickMs = 50;
const releaseRetryMs = 100;
const clockCheckMs = 1000;

type BareInput = LeaseInput extends infer Input
  ? Input extends LeaseInput
    ? Omit<Input, 'now' | 'boot'>
    : never
  : never;

export type LeaseHolderOptions = {
  readonly context: NodeContext;
  readonly leaseMs: number;
  /** The lease is held and no server runs: the reconcile loop may start it as primary. */
  readonly onMayStart: () => void;
  /** A voter set that may stand in the store without this node knowing. */
  readonly unconfirmedSet: () => VoterSet | null;
  /** Admission opened or closed: routers should ask again. */
  readonly onRouteChange: () => void;
};

export class LeaseHolder {
  #state: LeaseState;
  #timer: Timer | null = null;
  #stopped = false;
  #releasing = false;
  readonly #context: NodeContext;

  constructor(private readonly options: LeaseHolderOptions) {
    this.#context = options.context;
    this.#state = initialLeaseState(options.leaseMs, { failSafe: true });
    this.#schedule();
  }

  #instant(): Instant {
    return instantOf(this.#context.loop);
  }

  get state(): LeaseState {
    return this.#state;
  }

  get epoch(): Epoch | null {
    return this.#state.epoch;
  }

  /** The server runs as primary under this keeper. */
  get serving(): boolean {
    return this.#state.stage === 'serving';
  }

  /** Under which the server serves at this moment; null: it doesn't, or the lease isn't sure. */
  get servedEpoch(): Epoch | null {
    const { epoch } = this.#state;
    return epoch !== null && this.serving && this.holds(epoch) ? epoch : null;
  }

  mayBeHolder(): boolean {
    return mayBeHolder(this.#state);
  }

  holds(epoch: Epoch): boolean {
    return holdsLease(this.#state, this.#instant(), epoch);
  }

  /** Held, and not on its way back to the store: PostgreSQL may be started or promoted under it. */
  mayStart(epoch: Epoch): boolean {
    return this.holds(epoch) && !this.#state.giveBack;
  }

  admitRemainingMs(): number {
    return admitRemainingMs(this.#state, this.#instant());
  }

  /** Until the lease may be granted elsewhere, by this node's count. */
  leaseLeftMs(): number {
    return Math.max(0, this.#state.budget.leaseMs - leaseAgeMs(this.#state, this.#instant()));
  }

  input(input: BareInput): void {
    if (this.#stopped) return;
    const { state, effects } = stepLease(this.#state, { ...input, ...this.#instant() } as LeaseInput);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    const idle = this.#state.epoch === null && this.#state.stage === 'dead';
    this.#timer = this.#context.loop.after(idle ? clockCheckMs : tickMs, () => {
      this.input({ kind: 'tick' });
      this.#schedule();
    });
  }

  /** Inputs that make an idle holder active must not wait for the slow tick. */
  wake(): void {
    this.#timer?.cancel();
    this.input({ kind: 'tick' });
    this.#schedule();
  }

  #run(effect: LeaseEffect): void {
    const { logger, postgres } = this.#context;
    switch (effect.kind) {
      case 'send-renewal':
        void this.#renew(effect.id, effect.epoch);
        return;
      case 'ask-voters':
        void this.#askVoters(effect.id, effect.epoch, effect.holdMs);
        return;
      case 'push-guardian':
        postgres.pushDeadline(this.leaseLeftMs());
        return;
      case 'open-router':
        this.options.onRouteChange();
        return;
      case 'cut-router':
        logger.info({ why: effect.why }, 'no new sessions are admitted');
        this.options.onRouteChange();
        return;
      case 'stop-immediate':
        logger.error({ why: effect.why }, 'stopping PostgreSQL at once');
        void this.#untilDead(() => postgres.stop('immediate', this.#state.budget.killMs - this.#state.budget.stopMs));
        return;
      case 'kill-all':
        logger.warn({ why: effect.why }, 'killing what is left of PostgreSQL');
        void this.#untilDead(() => postgres.killAll());
        return;
      case 'may-start':
        this.options.onMayStart();
        return;
      case 'release':
        void this.#release(effect.epoch);
        return;
      default:
        unreachable(effect);
    }
  }

  async #renew(id: number, epoch: Epoch): Promise<void> {
    let result: RenewResult;
    try {
      result = await this.#context.store.renewLease(this.#context.config.group, epoch, this.#context.config.nodeId);
    } catch {
      this.input({ kind: 'renew-failed', id });
      return;
    }
    if (!result.ok && result.reason === 'superseded') {
      this.#context.logger.warn({ epoch, newEpoch: result.epoch }, 'the store says another epoch rules');
    }
    this.input({ kind: 'renew-answered', id, result });
  }

  async #askVoters(id: number, epoch: Epoch, holdMs: number): Promise<void> {
    const { interconnect, config } = this.#context;
    const fact = groupFact(this.#context);
    if (!fact) return this.input({ kind: 'voters-answered', id, allConfirmed: false });
    const members = failSafeMembers(fact.record, otherMembers(this.#context), this.options.unconfirmedSet()).filter(
      (node) => node !== config.nodeId,
    );
    const params: AgentCommands['agent.confirmEpoch']['params'] = {
      group: config.group,
      epoch,
      holder: config.nodeId,
      holdMs,
    };
    const answers = await Promise.allSettled(
      members.map((node) =>
        interconnect.request<AgentCommands['agent.confirmEpoch']['result']>(node, 'agent.confirmEpoch', params, {
          timeoutMs: this.#state.budget.renewEveryMs * 2,
        }),
      ),
    );
    const allConfirmed = answers.every((answer) => answer.status === 'fulfilled' && answer.value.confirmed);
    this.input({ kind: 'voters-answered', id, allConfirmed });
  }

  async #untilDead(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      if (await this.#context.postgres.isDead()) this.input({ kind: 'all-dead' });
    } catch (error) {
      this.#context.logger.error({ error: messageOf(error) }, 'stopping PostgreSQL failed, trying again');
    }
  }

  /** The lease goes back only after every process is dead; repeated until the store has it or a newer epoch rules. */
  async #release(epoch: Epoch): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    while (!this.#stopped && this.#state.epoch === epoch && this.#state.giveBack) {
      try {
        await releaseOwnLease(this.#context, epoch);
        break;
      } catch (error) {
        if (isClusterError(error) && error.code === 'PRECONDITION_FAILED') break;
        await delay(this.#context.loop, releaseRetryMs);
      }
    }
    this.#releasing = false;
    this.input({ kind: 'released', epoch });
    this.options.onRouteChange();
  }
}
