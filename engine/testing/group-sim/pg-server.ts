/**
 * `PostgresServer` over the simulated engine: what an agent's life does to its PostgreSQL and asks of it, each answer later and lost with the agent's
 * process. What the functions of `engine/postgres` promise is promised here; what PostgreSQL does in between is the engine's.
 */
import type { PostgresReport, PostgresState } from '../../cluster/model';
import { SerialQueue } from '../../kernel/async';
import { ClusterError } from '../../kernel/errors';
import type { Loop } from '../../kernel/loop';
import { parseLsn } from '../../kernel/lsn';
import { delay, pollUntil } from '../../kernel/waiting';
import type {
  PostgresConfiguration,
  PostgresServer,
  ReachedFork,
  ServerExit,
  StandbyPosition,
} from '../../postgres/api';
import { compareHistories, type LocalEnd } from '../../postgres/rejoin';
import { closedStandbyNames } from '../../postgres/settings';
import { SyncStandbys } from '../../postgres/sync-standbys';
import type { NodeSlots } from '../../replication/model';
import type { LogPage } from '../../runtime/engine-api';
import type { Process } from './event-queue';
import type { Deadline, GuardianModel, ToldExit } from './guardian';
import { NotSimulated } from './not-simulated';
import { copyFromPrimary } from './pg-copy';
import type { PgEngine } from './pg-engine';
import { historyOf, type PgHost } from './pg-host';
import { SimStandbyNames } from './pg-names';
import { controlOf, lsnText, reportOf } from './pg-report';
import { slotOf } from './pg-stream';

/** Of the lease that is left, as in `postmaster.ts`. */
const stopBeforeEndMs = 500;
const killBeforeEndMs = 200;
const patienceMs = 250;

const lsnOf = (text: string): number => Number(parseLsn(text));

export class SimPostgres extends NotSimulated implements PostgresServer {
  #starting = 0;
  readonly #listeners = new Set<(exit: ServerExit) => void>();
  readonly #changes = new SerialQueue('PostgreSQL server', 32);
  #linked = false;
  #pid: number | null = null;
  #lastExit: ServerExit | null = null;
  #stopping = 0;
  #pushed: Deadline | null = null;
  #signalSeen = false;
  readonly #standbys: SyncStandbys;

  constructor(
    private readonly host: PgHost,
    private readonly process: Process,
    private readonly loop: Loop,
    readonly configuration: PostgresConfiguration,
  ) {
    super();
    this.#standbys = new SyncStandbys(
      new SimStandbyNames(host.engine, loop, {
        ask: (act) => this.#ask(act),
        mustAnswer: () => this.#mustAnswer(),
      }),
    );
  }

  get #engine(): PgEngine {
    return this.host.engine;
  }

  // ------------------------------------------------------------ time
  /** `act` after a while, if this process lives to see it. */
  #later<T>(ms: number, act: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.host.world.queue.after(ms, this.process, () => {
        this.host.world.queue.touch();
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
  #soon<T>(act: () => T): Promise<T> {
    return this.#later(this.host.world.random.between(0.2, 2), act);
  }
  /** A question in SQL. */
  #ask<T>(act: () => T): Promise<T> {
    return this.#soon(() => {
      this.#mustAnswer();
      return act();
    });
  }
  #mustAnswer(): void {
    const { role, life, postmasterAlive } = this.#engine;
    if (life === null || !postmasterAlive || role === 'starting' || life.frozen)
      throw Object.assign(new Error('connect ENOENT'), { code: 'ENOENT', syscall: 'connect' });
  }
  /** A server that is gone meanwhile ends the wait, as a broken connection does. */
  async #until(probe: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const deadline = this.loop.now() + timeoutMs;
    while (!probe()) {
      if (this.loop.now() >= deadline) throw new ClusterError('TIMEOUT', `${what}: not so after ${timeoutMs} ms`);
      await delay(this.loop, 5);
    }
  }

  // ------------------------------------------------------------ directory
  inspect(): ReturnType<PostgresServer['inspect']> {
    return this.#soon(() => {
      if (!this.host.data.present || this.host.data.away) return { kind: 'absent' as const };
      this.#signalSeen = this.host.data.standbySignal;
      return {
        kind: 'present' as const,
        control: controlOf(this.host.data),
        standbySignal: this.host.data.standbySignal,
      };
    });
  }
  bootstrap(): Promise<void> {
    return this.#changes.run(() =>
      this.#later(this.host.world.random.between(100, 300), () => {
        const { data, world } = this.host;
        data.present = true;
        data.systemIdentifier = String(7_000_000 + world.random.below(1_000_000));
        data.wal = [world.checker.nextId(), world.checker.nextId()];
        data.flushed = 2;
        data.checkpoint = 1;
        data.controlState = 'shut down';
        data.standbySignal = false;
      }),
    );
  }
  baseBackup(options: Parameters<PostgresServer['baseBackup']>[0]): Promise<void> {
    return this.#changes.run(async () => {
      if (!(await this.isDead())) throw new ClusterError('CONFLICT', 'PostgreSQL still runs in the data directory');
      await copyFromPrimary(this.host, options, (ms) => this.#later(ms, () => undefined));
    });
  }

  // ------------------------------------------------------------ processes
  adopt(): Promise<{ postmasterPid: number } | null> {
    return this.#changes.run(async () => {
      const { guardian } = this.host;
      if (!guardian?.process.alive || guardian.process.frozen) {
        if (guardian?.process.alive) {
          guardian.process.kill();
          this.#engine.killPostmaster();
        }
        await this.#killDirectly();
        return null;
      }
      return this.#soon(() => {
        this.#link();
        this.#signalSeen = this.host.data.standbySignal;
        if (this.host.unheardExit) this.#lastExit = this.#judged(this.host.unheardExit);
        this.host.unheardExit = null;
        this.#pid = this.#engine.dead ? null : 100;
        return this.#pid === null ? null : { postmasterPid: this.#pid };
      });
    });
  }
  #link(): void {
    this.#linked = true;
    this.host.listener = (exit) => {
      this.host.world.queue.after(0.1, this.process, () => {
        this.host.world.queue.touch();
        this.#ended(this.#judged(exit));
      });
    };
  }
  /** The guardian died: PostgreSQL dies with it, busy backends may not; they are killed before anyone hears of it. */
  guardianLost(): void {
    if (!this.#linked) return;
    this.#linked = false;
    this.host.listener = null;
    const ran = this.#pid !== null;
    const kill = async (): Promise<void> => {
      while (!this.#looksDead()) {
        this.#engine.killAll();
        await this.#later(20, () => undefined);
      }
      if (ran) this.#ended({ at: this.#iso(), code: null, signal: 'SIGKILL', expected: false, cause: 'guardian-lost' });
    };
    this.host.world.queue.after(0.5, this.process, () => {
      this.host.world.queue.touch();
      void kill();
    });
  }
  #judged(exit: ToldExit): ServerExit {
    const cause = exit.cause === 'died' && this.#stopping > 0 ? 'requested' : exit.cause;
    return {
      at: this.#iso(),
      code: exit.code,
      signal: exit.signal,
      cause,
      expected: cause === 'requested' || cause === 'orphaned',
    };
  }
  #ended(exit: ServerExit): void {
    this.#pid = null;
    this.#lastExit = exit;
    this.#standbys.forget();
    for (const listener of [...this.#listeners]) listener(exit);
  }
  #iso(): string {
    return new Date(this.loop.wallMs()).toISOString();
  }

  dataMovedAway(): boolean {
    return this.#pid !== null && this.host.data.away;
  }

  async start(role: 'primary' | 'standby', options: Parameters<PostgresServer['start']>[1]): Promise<void> {
    if (role === 'primary' && options.serveForMs === undefined)
      throw new ClusterError('INTERNAL', 'serveForMs is missing');
    this.#pushed = role === 'primary' ? null : this.#pushed;
    const first = role === 'primary' ? this.#deadline(options.serveForMs!) : null;
    let readyAt = false;
    const launch = () =>
      this.#later(this.host.world.random.between(2, 12), () => {
        const { data } = this.host;
        if (!this.#looksDead())
          throw new ClusterError('CONFLICT', 'processes of an earlier PostgreSQL server are still alive');
        if (!data.present) throw new ClusterError('CONFLICT', 'there is no data directory');
        if (role === 'primary' && data.standbySignal) throw new ClusterError('INTERNAL', 'standby.signal is there');
        if (this.host.diskFull())
          throw new ClusterError('UNAVAILABLE', 'PostgreSQL ended while starting: No space left on device');
        this.#writeForStart(role, options);
        this.#signalSeen = role === 'standby';
        const guardian = this.#guardian();
        const deadline = first && this.#pushed && this.#pushed.stopAt > first.stopAt ? this.#pushed : first;
        if (deadline && deadline.stopAt <= this.loop.now())
          throw new ClusterError('CONFLICT', 'a primary is started only under a deadline that lies ahead');
        this.#engine.start(role, () => {
          readyAt = true;
        });
        guardian.started(role, deadline);
        this.#pid = 100;
        this.#standbys.started(data.settings.get('synchronous_standby_names') ?? '');
      });
    await this.#changes.run(async () => {
      this.#starting++;
      await launch().finally(() => this.#starting--);
    });
    await pollUntil(
      this.loop,
      () => {
        if (this.#pid === null) return 'ended' as const;
        return readyAt && !this.#engine.dead ? ('ready' as const) : undefined;
      },
      { timeoutMs: options.timeoutMs, intervalMs: 8, what: 'PostgreSQL takes connections' },
    ).then((how) => {
      if (how === 'ended') throw new ClusterError('UNAVAILABLE', 'PostgreSQL ended while starting');
    });
  }
  #writeForStart(role: 'primary' | 'standby', options: Parameters<PostgresServer['start']>[1]): void {
    const { host } = this;
    host.replaced('standby.signal', () => {
      host.data.standbySignal = role === 'standby';
    });
    const settings = new Map(host.data.settings);
    for (const [name, value] of Object.entries(options.settings ?? {})) {
      if (value === null) settings.delete(name);
      else settings.set(name, String(value));
    }
    if (role === 'primary') settings.delete('primary_conninfo');
    else {
      settings.set('primary_conninfo', options.follow === false ? '' : 'proxy');
      settings.set('synchronous_standby_names', options.commitsWait === true ? closedStandbyNames : '');
    }
    host.replaced('postgresql.auto.conf', () => {
      host.data.settings = settings;
    });
  }
  #guardian(): GuardianModel {
    if (!this.host.guardian?.process.alive) this.host.guardian = this.host.newGuardian();
    this.#link();
    return this.host.guardian!;
  }
  #deadline(remainingMs: number): Deadline {
    const now = this.loop.now();
    return { stopAt: now + remainingMs - stopBeforeEndMs, killAt: now + remainingMs - killBeforeEndMs };
  }

  async stop(mode: 'fast' | 'immediate', timeoutMs: number): Promise<void> {
    const { guardian } = this.host;
    if (!this.#linked || !guardian) return this.#killDirectly();
    this.#stopping++;
    try {
      await this.#later(0.2, () => undefined);
      if (guardian.process.running) {
        guardian.requested();
        if (mode === 'fast') this.#engine.signalFast();
        else this.#engine.signalImmediate();
      }
      await this.#until(() => this.#engine.dead, timeoutMs, 'PostgreSQL ends').catch(() => this.#killDirectly());
    } finally {
      this.#stopping--;
    }
    if (!(await this.isDead())) await this.#killDirectly();
  }
  async killAll(): Promise<void> {
    this.#stopping++;
    try {
      this.host.guardian?.requested();
      await this.#killDirectly();
      await this.#later(0.5, () => undefined);
    } finally {
      this.#stopping--;
    }
  }
  async #killDirectly(): Promise<void> {
    const until = this.loop.now() + 30_000;
    for (;;) {
      if (this.#looksDead()) return;
      this.#engine.killAll();
      await this.#later(5, () => undefined);
      if (this.loop.now() > until) throw new ClusterError('UNAVAILABLE', 'processes of PostgreSQL survive SIGKILL');
    }
  }
  #looksDead(): boolean {
    return this.#engine.dead || !this.host.processesVisible;
  }
  async isDead(): Promise<boolean> {
    return this.#starting === 0 && this.#looksDead();
  }
  pushDeadline(remainingMs: number): void {
    const deadline = this.#deadline(remainingMs);
    this.#pushed = deadline;
    const { guardian } = this.host;
    if (!this.process.alive || !this.#linked || !guardian) return;
    this.host.world.queue.after(0.1, guardian.process, () => guardian.extend(deadline));
  }
  setRole(role: 'primary' | 'standby', remainingMs: number): Promise<void> {
    const deadline = role === 'primary' ? this.#deadline(remainingMs) : null;
    return this.#soon(() => {
      const { guardian } = this.host;
      if (!this.#linked || this.#pid === null || !guardian?.process.running)
        throw new ClusterError('CONFLICT', 'PostgreSQL is not running');
      guardian.setRole(role, deadline);
    });
  }
  onExit(callback: (exit: ServerExit) => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }
  guardianPid(): number | null {
    return this.#linked ? 50 : null;
  }
  postmasterPid(): number | null {
    return this.#pid;
  }

  // ------------------------------------------------------------ looking
  async report(): Promise<PostgresReport> {
    const { world } = this.host;
    if (this.#engine.life?.frozen) await this.#later(patienceMs, () => undefined);
    else await this.#later(world.random.between(0.5, 4), () => undefined);
    return this.#look();
  }
  #state(): PostgresState {
    const { role, life, postmasterAlive, stopping } = this.#engine;
    if (!this.host.data.present) return 'absent';
    if (this.#pid === null) return this.#lastExit && !this.#lastExit.expected ? 'crashed' : 'stopped';
    if (stopping || this.#stopping > 0) return 'stopping';
    if (life === null || role === 'starting') return 'starting';
    if (!postmasterAlive || life.frozen) return this.#signalSeen ? 'standby' : 'primary';
    if (role === 'primary') this.#signalSeen = false;
    return role === 'primary' ? 'primary' : 'standby';
  }
  #look(): PostgresReport {
    return reportOf(this.#engine, { state: this.#state(), pid: this.#pid, lastExit: this.#lastExit });
  }
  position(): Promise<StandbyPosition> {
    return this.#ask(() => this.#position());
  }
  #position(): StandbyPosition {
    const { engine } = this.host;
    const lsn = lsnText(engine.lsn);
    const inRecovery = engine.role !== 'primary';
    return {
      inRecovery,
      timeline: engine.timeline,
      receiveLsn: inRecovery ? lsn : null,
      replayLsn: inRecovery ? lsn : null,
      lsn,
    };
  }
  async currentLsn(): Promise<string> {
    return (await this.position()).lsn;
  }
  timelineHistory(): Promise<readonly { timeline: number; forkLsn: string }[]> {
    return this.#ask(() => historyOf(this.host.data));
  }
  estimateRedoMs(): { walBytes: number; bytesPerSecond: number; ms: number } {
    return { walBytes: 1000, bytesPerSecond: 1000, ms: this.host.world.random.chance(0.5) ? 300 : 5000 };
  }

  // ------------------------------------------------------------ role
  async parameterShortfall(): Promise<readonly []> {
    return [];
  }
  stopReceiving(timeoutMs: number): Promise<StandbyPosition> {
    return this.#changes.run(async () => {
      await this.#soon(() => this.#engine.alter({ primary_conninfo: '' }));
      await this.#until(() => this.#comesToRest(), timeoutMs, 'the standby comes to rest');
      await this.#later(12, () => undefined);
      await this.#until(() => this.#comesToRest(), timeoutMs, 'the standby comes to rest');
      this.#mustAnswer();
      this.host.data.flushed = this.host.data.lsn;
      return this.#position();
    });
  }
  follow(): Promise<void> {
    return this.#changes.run(() => this.#soon(() => this.#engine.alter({ primary_conninfo: 'proxy' })));
  }
  async endReceivers(): Promise<boolean> {
    if (this.#pid === null) return true;
    try {
      await this.#ask(() => this.#engine.endReceivers());
      return true;
    } catch {
      return false;
    }
  }
  promote(timeoutMs: number, timeline?: number): Promise<{ timeline: number; forkLsn: string }> {
    return this.#changes.run(async () => {
      await this.#ask(() => {
        if (this.#engine.role === 'primary') {
          this.#engine.adopted();
          return;
        }
        for (let taken = this.host.data.timeline + 1; taken < (timeline ?? 0); taken++)
          this.host.data.histories.add(taken);
        this.#engine.promote(false);
      });
      await this.#until(
        () => {
          this.#mustAnswer();
          return this.#engine.role === 'primary';
        },
        timeoutMs,
        'promoted',
      );
      this.#signalSeen = false;
      await this.#standbys.promoted();
      return { timeline: this.#engine.timeline, forkLsn: lsnText(this.host.data.timelines.at(-1)!.start) };
    });
  }
  async checkpoint(): Promise<void> {
    await this.#ask(() => undefined);
    const { life } = this.#engine;
    let done = false;
    this.#engine.checkpoint(() => {
      done = true;
    });
    await this.#until(() => done || this.#engine.life !== life, 120_000, 'the checkpoint');
    if (!done) throw new ClusterError('UNAVAILABLE', 'the connection to PostgreSQL is lost');
  }
  applySettings(settings: Readonly<Record<string, string | null>>): Promise<{ pendingRestart: readonly string[] }> {
    return this.#changes.run(async () => {
      await this.#ask(() => this.host.replaced('postgresql.auto.conf', () => this.#engine.alter(settings)));
      await this.#later(3, () => undefined);
      return { pendingRestart: [] };
    });
  }

  setSynchronousStandbys(members: readonly string[], k: number): Promise<void> {
    return this.#changes.run(() => this.#standbys.set(members, k));
  }
  closeStandbyNames(commitsWait: boolean): Promise<void> {
    return this.#changes.run(() => this.#standbys.close(commitsWait));
  }

  // ------------------------------------------------------------ slots
  keepSlots(members: readonly string[]): Promise<void> {
    return this.#ask(() => {
      const wanted = new Set(members.map(slotOf));
      for (const name of wanted)
        if (!this.host.data.slots.has(name))
          this.host.data.slots.set(name, {
            name,
            type: 'physical',
            failover: false,
            synced: false,
            ready: false,
            confirmed: null,
          });
      for (const [name, slot] of this.host.data.slots)
        if (slot.type === 'physical' && name.startsWith('rustydb_') && !wanted.has(name))
          this.host.data.slots.delete(name);
    });
  }
  slots(): Promise<NodeSlots> {
    return this.#ask(() => ({
      slots: [],
      inRecovery: this.#engine.role !== 'primary',
      walLevel: 'logical',
      slotLimit: 20,
      walKeepBytes: null,
      databases: ['app'],
    }));
  }
  async setSynchronizedStandbySlots(members: readonly string[]): Promise<void> {
    await this.applySettings({ synchronized_standby_slots: members.map(slotOf).join(',') });
  }
  /** None are simulated; under which epoch they were looked at is written down all the same. */
  async keepSlotCopies(
    ...[, isCurrent, looked]: Parameters<PostgresServer['keepSlotCopies']>
  ): ReturnType<PostgresServer['keepSlotCopies']> {
    await this.#ask(() => undefined);
    if (!isCurrent()) return null;
    looked();
    return { copying: true, kept: [], left: [], missing: [], exchanged: [] };
  }
  async stopSlotCopying(): Promise<void> {}
  async endSlotHolds(): Promise<readonly string[]> {
    return [];
  }
  async waitForSlotCopies(): Promise<boolean> {
    return true;
  }
  endSenders(senders: readonly { readonly pid: number; readonly name: string }[]): Promise<number> {
    return this.#ask(() => this.#engine.endConsumers(senders.map((one) => one.name)));
  }
  endConsumers(): Promise<number> {
    return this.#ask(() => this.#engine.endConsumers());
  }
  async wakeSlotCopying(): Promise<void> {}

  // ------------------------------------------------------------ rejoin
  localEnd(timeoutMs: number): Promise<LocalEnd> {
    return this.#changes.run(async () => {
      await this.#ask(() => this.#engine.alter({ primary_conninfo: '' }));
      await this.#until(() => this.#comesToRest(), timeoutMs, 'the standby comes to rest');
      await this.#later(12, () => undefined);
      this.#mustAnswer();
      this.host.data.flushed = this.host.data.lsn;
      return {
        timeline: this.host.data.timeline,
        lsn: lsnText(this.host.data.lsn),
        history: historyOf(this.host.data),
      };
    });
  }
  /** No walreceiver runs; those that do are told to end. The startup process may ask for one more all the same, until it has read its settings. */
  #comesToRest(): boolean {
    this.#mustAnswer();
    const { role, receives } = this.#engine;
    if (role === 'primary') return true;
    if (receives) this.#engine.endReceivers();
    return role === 'standby' && !receives && this.#engine.setting('primary_conninfo') === '';
  }
  compareWithFork(
    history: readonly { timeline: number; forkLsn: string }[],
    timeline: number,
    primaryLsn?: string,
  ): Promise<ReachedFork> {
    return this.#changes.run(() =>
      this.#later(this.host.world.random.between(150, 400), () => {
        const { data } = this.host;
        if (!this.#looksDead())
          throw new ClusterError('CONFLICT', 'processes of an earlier PostgreSQL server are still alive');
        data.standbySignal = true;
        this.#signalSeen = true;
        return compareHistories(
          { timeline: data.timeline, lsn: lsnText(data.lsn), history: historyOf(data) },
          history,
          timeline,
          primaryLsn ?? null,
        );
      }),
    );
  }
  async waitForReplay(lsn: string, timeoutMs: number): Promise<void> {
    await this.#until(
      () => {
        this.#mustAnswer();
        return this.#engine.role === 'primary' || this.#engine.lsn >= lsnOf(lsn);
      },
      timeoutMs,
      'replay',
    );
  }
  async terminateSessions(): Promise<number> {
    return 0;
  }
  async logs(): Promise<LogPage> {
    return { lines: [], next: null };
  }
  async close(): Promise<void> {
    this.#linked = false;
    this.host.listener = null;
  }
}
