/** One machine of the simulated group: disk, clocks, agent, guardian and PostgreSQL, and what a crash of each takes with it. */
import { type DurableMemberState, initialDurableMemberState } from '../../node/core/promise';
import type { AgentModel } from './agent-model';
import { Clock } from './clock';
import { Process } from './event-queue';
import { type DataDirectory, PostgresModel } from './postgres-model';
import type { World } from './world';

export type Disk = { member: DurableMemberState; known: boolean; data: DataDirectory };

export class SimNode {
  readonly clock: Clock;
  readonly postgres: PostgresModel;
  readonly disk: Disk;
  agent: AgentModel | null = null;
  up = true;
  /** Makes an agent on this node; set by the simulation, which knows the store and the peers. */
  startAgent: () => void = () => undefined;
  /** PostgreSQL's parent, for the present life of the server. */
  guardian: { process: Process; stopAt: number; killAt: number } | null = null;

  constructor(
    readonly world: World,
    readonly id: string,
    readonly member: boolean,
  ) {
    this.clock = new Clock(world, world.random.between(0, 1e6));
    this.disk = {
      member: initialDurableMemberState,
      known: true,
      data: {
        present: member,
        wal: [],
        flushed: 0,
        timelines: [{ timeline: 1, start: 0 }],
        standbySignal: true,
        names: { members: [], k: 0 },
      },
    };
    this.postgres = new PostgresModel(world, id, this.disk.data, () => this.#postgresExited());
  }

  // ------------------------------------------------------------ guardian
  /** A server starts under a new guardian; without a deadline it guards a standby. */
  openGuardian(): void {
    const process = new Process();
    const guardian = { process, stopAt: Number.POSITIVE_INFINITY, killAt: Number.POSITIVE_INFINITY };
    this.guardian = guardian;
    let stopping = false;
    const look = () => {
      if (this.guardian !== guardian || this.postgres.dead) return;
      const now = this.clock.mono();
      if (!this.world.is('guardian-ignores-deadline')) {
        if (now >= guardian.stopAt && !stopping) {
          stopping = true;
          this.world.fired('guardian stopped the server');
          this.postgres.stopImmediate();
        }
        if (now >= guardian.killAt) this.postgres.killAll();
      }
      if (now < guardian.stopAt) stopping = false;
      this.world.queue.after(25, process, look);
    };
    this.world.queue.after(25, process, look);
  }

  /** The deadline is local monotonic time of the same machine. */
  pushGuardian(stopAt: number, killAt: number): void {
    const { guardian } = this;
    if (guardian === null || !guardian.process.alive) return;
    this.world.queue.after(0.2, guardian.process, () => {
      guardian.stopAt = stopAt;
      guardian.killAt = killAt;
    });
  }

  /** Its death takes the postmaster along (parent-death signal), not the backends. */
  killGuardian(): void {
    const { guardian } = this;
    if (guardian === null || !guardian.process.alive) return;
    guardian.process.kill();
    this.postgres.killPostmaster();
  }

  #postgresExited(): void {
    const { agent } = this;
    if (agent === null) return;
    this.world.queue.after(this.world.random.between(0.5, 5), agent.process, () => agent.onPostgresExit());
  }

  // ------------------------------------------------------------ faults
  crash(): void {
    this.world.note(`${this.id} crashes`);
    this.up = false;
    this.agent?.process.kill();
    this.agent = null;
    this.guardian?.process.kill();
    this.guardian = null;
    this.postgres.vanish();
  }
  restart(): void {
    if (this.up) return;
    this.up = true;
    this.world.note(`${this.id} comes back`);
    this.startAgent();
  }
  killAgent(): void {
    this.agent?.process.kill();
    this.agent = null;
  }

  #each(run: (process: Process) => void, which: 'node' | 'agent' | 'guardian'): void {
    if (which !== 'guardian' && this.agent !== null) run(this.agent.process);
    if (which !== 'agent' && this.guardian !== null) run(this.guardian.process);
    if (which === 'node' && this.postgres.life !== null) run(this.postgres.life);
  }
  /** Freezes what runs now; returns how to thaw exactly that. */
  freeze(which: 'node' | 'agent' | 'guardian'): () => void {
    const frozen: Process[] = [];
    this.world.note(`${this.id} ${which} frozen`);
    this.#each((process) => {
      process.freeze();
      frozen.push(process);
    }, which);
    return () => {
      this.world.note(`${this.id} ${which} thawed`);
      this.world.checker.thawed(this.id);
      for (const process of frozen) this.world.queue.thaw(process);
    };
  }
  /** A standby's data and everything the agent remembered on disk. */
  loseDisk(): void {
    this.crash();
    this.disk.member = initialDurableMemberState;
    this.disk.known = false;
    const { data } = this.disk;
    data.present = false;
    data.wal = [];
    data.flushed = 0;
    data.timelines = [{ timeline: 1, start: 0 }];
    data.standbySignal = true;
    data.names = { members: [], k: 0 };
  }
}
