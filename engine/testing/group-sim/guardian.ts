/**
 * The guardian's process as `engine/postgres/guardian.ts` behaves: PostgreSQL's parent, which stops it when nobody extends its deadline. Kept as a
 * model because the real one is a program of its own over sockets and signals; its rules are few and stand in that file's words.
 */
import type { Clock } from './clock';
import type { Process } from './event-queue';
import type { PgEngine } from './pg-engine';
import type { PgExit } from './pg-stream';
import type { World } from './world';

export type Deadline = { readonly stopAt: number; readonly killAt: number };
export type Cause = 'requested' | 'deadline' | 'died' | 'orphaned';

const sleptMs = 250;
const lookMs = 250;

export class GuardianModel {
  role: 'primary' | 'standby' = 'standby';
  cause: Cause = 'died';
  #deadline: Deadline | null = null;
  #clockOffset = 0;
  #fencing = false;

  constructor(
    private readonly world: World,
    readonly process: Process,
    private readonly clock: Clock,
    private readonly engine: PgEngine,
  ) {}

  started(role: 'primary' | 'standby', deadline: Deadline | null): void {
    this.role = role;
    this.cause = 'died';
    this.#fencing = false;
    this.#deadline = deadline;
    this.#clockOffset = this.clock.boot() - this.clock.mono();
    this.#look();
  }
  setRole(role: 'primary' | 'standby', deadline: Deadline | null): void {
    this.role = role;
    this.#deadline = role === 'primary' ? deadline : null;
    this.#clockOffset = this.clock.boot() - this.clock.mono();
    this.#look();
  }
  extend(deadline: Deadline): void {
    // After a freeze the words that waited come before the timers: look first.
    this.#look();
    if (this.role !== 'primary' || this.engine.dead || this.#fencing) return;
    this.#deadline = deadline;
    this.#clockOffset = this.clock.boot() - this.clock.mono();
    this.#look();
  }
  requested(): void {
    if (this.cause === 'died') this.cause = 'requested';
  }

  #look(): void {
    if (this.engine.dead || this.role !== 'primary' || this.#deadline === null || this.#fencing) return;
    const now = this.clock.mono();
    const slept = Math.abs(this.clock.boot() - now - this.#clockOffset) > sleptMs;
    if (slept || now >= this.#deadline.stopAt) {
      this.#fence(slept ? 0 : Math.max(0, this.#deadline.killAt - now));
      return;
    }
    const wait = Math.min(lookMs, Math.max(1, this.#deadline.stopAt - now));
    this.world.queue.after(this.clock.toTrue(wait), this.process, () => this.#look());
  }

  #fence(graceMs: number): void {
    this.#fencing = true;
    this.cause = 'deadline';
    this.world.fired('guardian stopped the server');
    if (graceMs > 0) this.engine.signalImmediate();
    this.world.queue.after(this.clock.toTrue(graceMs), this.process, () => this.engine.killAll());
  }
}

export type ToldExit = PgExit & { readonly cause: Cause | 'guardian-lost' };
