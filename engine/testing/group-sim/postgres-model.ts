/**
 * A PostgreSQL server as far as losing writes is concerned: WAL as a list of record ids, timelines, streaming, SyncRep with each walsender's own
 * view of the setting, postmaster death that leaves busy backends behind, settings that are not replicated. Invariant kept: like the real one it
 * never compares content, only positions and timeline numbers; finding silent divergence is the checker's work.
 */
import { Process } from './event-queue';
import type { World } from './world';

export type Names = { readonly members: readonly string[]; readonly k: number };
export type TimelineStart = { readonly timeline: number; readonly start: number };
export type Session = { readonly kind: 'direct' | 'router'; open: boolean };

/** What is on disk; outlives every process. */
export type DataDirectory = {
  present: boolean;
  wal: number[];
  flushed: number;
  timelines: TimelineStart[];
  standbySignal: boolean;
  names: Names;
};

export type Stream = {
  readonly primary: PostgresModel;
  readonly standby: PostgresModel;
  readonly primaryLife: Process;
  readonly standbyLife: Process;
  open: boolean;
  sent: number;
  flushed: number;
  progressAt: number;
  lastReplyAt: number;
  scheduled: boolean;
  /** The walsender's own copy of the setting. */
  names: Names;
};

type Waiting = {
  readonly id: number;
  readonly lsn: number;
  readonly session: Session | null;
  readonly done: () => void;
};

export class PostgresModel {
  life: Process | null = null;
  postmasterAlive = false;
  role: 'dead' | 'starting' | 'standby' | 'promoting' | 'primary' = 'dead';
  /** Group epoch under which it was started or promoted; for the checker only. */
  epoch = 0;
  servingSince = 0;
  vanishedAt = Number.NEGATIVE_INFINITY;
  stuck = false;
  /** The agent's WAL proxy lets no stream of a lower epoch through, whatever a walreceiver that is just starting still believes. */
  proxyEpoch = 0;
  readonly streams = new Map<string, Stream>();
  receiver: Stream | null = null;
  #backendNames: Names = { members: [], k: 0 };
  #waiting: Waiting[] = [];
  #stopping = false;

  constructor(
    readonly world: World,
    readonly id: string,
    readonly data: DataDirectory,
    private readonly onExit: () => void,
  ) {}

  get timeline(): number {
    return this.data.timelines.at(-1)!.timeline;
  }
  get lsn(): number {
    return this.data.wal.length;
  }
  get serving(): boolean {
    return this.role === 'primary' && this.life !== null;
  }
  get dead(): boolean {
    return this.life === null;
  }

  start(role: 'primary' | 'standby', epoch: number, done: () => void): void {
    if (this.life !== null) this.world.checker.startedOverLeftovers(this);
    if (this.life !== null || !this.data.present) return;
    const life = new Process();
    this.life = life;
    this.postmasterAlive = true;
    this.role = 'starting';
    this.#stopping = false;
    this.world.note(`${this.id} starts as ${role} epoch ${epoch} lsn ${this.lsn} timeline ${this.timeline}`);
    if (role === 'primary') this.world.checker.primaryStarts(this, epoch);
    this.world.queue.after(this.world.random.between(40, 150), life, () => {
      if (!this.postmasterAlive) return;
      this.#backendNames = this.data.names;
      this.epoch = Math.max(this.epoch, epoch);
      this.role = role;
      if (role === 'primary') {
        this.append(this.world.checker.nextId());
        this.servingSince = this.world.now;
      }
      done();
    });
  }

  /** The real order: the setting must be there before; the end-of-recovery record begins the new timeline. */
  promote(epoch: number, timeline: number, done: () => void): void {
    if (this.role !== 'standby' || this.life === null) return;
    this.role = 'promoting';
    this.stopReceiver();
    this.world.queue.after(this.world.random.between(20, 100), this.life, () => {
      if (!this.postmasterAlive || this.role !== 'promoting') return;
      this.data.standbySignal = false;
      this.data.timelines = [...this.data.timelines, { timeline, start: this.lsn }];
      this.epoch = epoch;
      this.role = 'primary';
      this.servingSince = this.world.now;
      this.world.note(`${this.id} promoted epoch ${epoch} timeline ${timeline} lsn ${this.lsn}`);
      this.world.checker.promoted(this);
      this.append(this.world.checker.nextId());
      done();
    });
  }

  append(id: number): number {
    this.data.wal.push(id);
    this.data.flushed = this.data.wal.length;
    for (const stream of this.streams.values()) this.#wake(stream);
    return this.lsn;
  }

  commit(session: Session, done: () => void): void {
    if (this.role !== 'primary' || this.life === null || this.#stopping) return;
    const id = this.world.checker.nextId();
    const lsn = this.append(id);
    if (this.#backendNames.members.length === 0) {
      this.#acknowledge({ id, lsn, session, done });
      return;
    }
    this.#waiting.push({ id, lsn, session, done });
  }

  #acknowledge(commit: Waiting): void {
    this.world.checker.acknowledged(this, commit.id, commit.lsn, commit.session);
    commit.done();
  }

  #release(names: Names): void {
    if (names.members.length === 0) return;
    const flushed = names.members
      .map((member) => {
        const stream = this.streams.get(member);
        return stream?.open ? stream.flushed : -1;
      })
      .sort((a, b) => b - a);
    const upTo = flushed[names.k - 1] ?? -1;
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.lsn <= upTo) count++;
    for (const commit of this.#waiting.splice(0, count)) this.#acknowledge(commit);
  }

  /** ALTER SYSTEM + reload + read-back: each walsender sees it at its own time; `done` once all do. */
  setNames(names: Names, done: () => void): void {
    this.data.names = names;
    if (this.life === null) return;
    if (this.role !== 'primary') {
      this.#backendNames = names;
      done();
      return;
    }
    let latest = 1;
    const wasEmpty = this.#backendNames.members.length === 0;
    for (const stream of this.streams.values()) {
      const delay = this.world.random.between(1, 15);
      latest = Math.max(latest, delay);
      this.world.queue.after(delay, this.life, () => {
        stream.names = this.data.names;
        this.#release(stream.names);
      });
    }
    this.world.note(`${this.id} waits for ${names.k} of ${names.members}`);
    const apply = () => {
      this.#backendNames = names;
      if (names.members.length === 0) for (const commit of this.#waiting.splice(0)) this.#acknowledge(commit);
    };
    /* From nothing to something: new commits wait at once; from something to nothing: only when all have seen it. */
    if (wasEmpty) apply();
    this.world.queue.after(latest + 1, this.life, () => {
      apply();
      if (this.postmasterAlive) done();
    });
  }

  get names(): Names {
    return this.#backendNames;
  }
  /** Every setting that could still release a commit. */
  activeNames(): Names[] {
    const seen = [this.#backendNames];
    for (const stream of this.streams.values()) if (stream.open) seen.push(stream.names);
    return seen;
  }

  // ------------------------------------------------------------ streaming
  /** The standby's walreceiver asks `primary`; positions and timeline numbers decide, as in the protocol. */
  connectTo(
    primary: PostgresModel,
    epoch: number,
    answer: (result: 'streaming' | 'diverged' | 'refused') => void,
  ): void {
    const life = this.life;
    if (life === null || this.role !== 'standby') return;
    this.world.send(
      this.id,
      primary.id,
      () => primary.life,
      () => {
        const result = primary.#accept(this, life, epoch);
        this.world.send(
          primary.id,
          this.id,
          () => life,
          () => answer(result),
        );
      },
    );
  }

  #accept(standby: PostgresModel, standbyLife: Process, epoch: number): 'streaming' | 'diverged' | 'refused' {
    if (this.role !== 'primary' || this.life === null || standby.life !== standbyLife || standby.role !== 'standby') {
      return 'refused';
    }
    if (epoch < standby.proxyEpoch) return 'refused';
    const index = this.data.timelines.findIndex((one) => one.timeline === standby.timeline);
    if (index === -1) return 'diverged';
    const next = this.data.timelines[index + 1];
    if (standby.lsn > (next?.start ?? this.lsn)) return 'diverged';
    this.world.checker.streamBegins(this, standby);
    standby.stopReceiver();
    const stream: Stream = {
      primary: this,
      standby,
      primaryLife: this.life,
      standbyLife,
      open: true,
      sent: standby.lsn,
      flushed: standby.data.flushed,
      progressAt: this.world.now,
      lastReplyAt: this.world.now,
      scheduled: false,
      names: this.data.names,
    };
    this.streams.set(standby.id, stream);
    this.world.note(`${standby.id} streams from ${this.id} at ${standby.lsn}`);
    standby.receiver = stream;
    this.#wake(stream);
    this.#statusLoop(stream);
    return 'streaming';
  }

  #close(stream: Stream): void {
    stream.open = false;
    if (this.streams.get(stream.standby.id) === stream) this.streams.delete(stream.standby.id);
    if (stream.standby.receiver === stream) stream.standby.#receiverEnded(stream);
  }

  /** What arrived is flushed when the walreceiver ends, if its processes live to do so. */
  #receiverEnded(stream: Stream): void {
    this.receiver = null;
    this.world.queue.after(this.world.random.between(0.2, 2), stream.standbyLife, () => {
      this.data.flushed = this.lsn;
    });
  }

  #wake(stream: Stream): void {
    if (stream.scheduled || !stream.open || stream.sent >= this.lsn) return;
    stream.scheduled = true;
    this.world.queue.after(0.3, stream.primaryLife, () => {
      stream.scheduled = false;
      if (!stream.open || this.role !== 'primary') return;
      const from = stream.sent;
      const batch = this.data.wal.slice(from);
      stream.sent = this.lsn;
      const starts = this.data.timelines;
      this.world.send(
        this.id,
        stream.standby.id,
        () => stream.standbyLife,
        () => stream.standby.#receive(stream, from, batch, starts),
      );
    });
  }

  #receive(stream: Stream, from: number, batch: readonly number[], starts: readonly TimelineStart[]): void {
    if (!stream.open || this.receiver !== stream || from > this.lsn) return;
    const fresh = batch.slice(this.lsn - from);
    if (fresh.length === 0) return;
    this.data.wal.push(...fresh);
    this.data.timelines = starts.filter((one) => one.start < this.lsn || one.timeline === 1);
    const upTo = this.lsn;
    this.world.queue.after(this.world.random.between(0.2, 2), stream.standbyLife, () => {
      if (this.receiver !== stream) return;
      this.data.flushed = Math.max(this.data.flushed, upTo);
      this.#reply(stream);
    });
  }

  #reply(stream: Stream): void {
    const flushed = this.data.flushed;
    const received = this.lsn;
    this.world.send(
      this.id,
      stream.primary.id,
      () => stream.primaryLife,
      () => {
        if (!stream.open) return;
        stream.lastReplyAt = this.world.now;
        if (flushed > stream.flushed) {
          stream.flushed = flushed;
          stream.progressAt = this.world.now;
        } else if (received < stream.sent && this.world.now - stream.progressAt > 100) {
          stream.progressAt = this.world.now;
          stream.sent = received;
        }
        stream.primary.#release(stream.names);
        stream.primary.#wake(stream);
      },
    );
  }

  #statusLoop(stream: Stream): void {
    this.world.queue.after(80, stream.standbyLife, () => {
      if (!stream.open) return;
      /* wal_sender_timeout and wal_receiver_timeout: a dead connection is given up and made anew. */
      if (this.world.now - stream.lastReplyAt > 5000) {
        stream.primary.#close(stream);
        return;
      }
      stream.standby.#reply(stream);
      this.#statusLoop(stream);
    });
  }

  /** What arrived is flushed when the walreceiver ends. */
  stopReceiver(): void {
    const stream = this.receiver;
    if (stream === null) return;
    this.receiver = null;
    this.data.flushed = this.lsn;
    stream.primary.#close(stream);
    this.world.note(`${this.id} stopped receiving at ${this.lsn}`);
  }

  // ------------------------------------------------------------ death
  /** kill -9 of the postmaster: busy backends and walsenders may live on. */
  killPostmaster(): void {
    if (this.life === null || !this.postmasterAlive) return;
    this.postmasterAlive = false;
    this.world.note(`${this.id} lost its postmaster`);
    const orphans = this.serving && this.world.random.chance(0.6);
    if (orphans) this.world.fired('backends survived their postmaster');
    const life = this.life;
    this.world.queue.after(orphans ? this.world.random.between(300, 1500) : 3, null, () => {
      if (this.life === life) this.vanish();
    });
    this.onExit();
  }

  stopImmediate(): void {
    const life = this.life;
    if (life === null || this.stuck) return;
    this.world.queue.after(this.world.random.between(5, 80), life, () => {
      if (this.life !== life) return;
      this.vanish();
      this.onExit();
    });
  }

  killAll(): void {
    const life = this.life;
    if (life === null) return;
    this.world.queue.after(this.world.random.between(1, 15), null, () => {
      if (this.life !== life) return;
      this.vanish();
      this.onExit();
    });
  }

  /** Fast stop: no new commits, everything shipped to connected standbys, then dead. */
  stopFast(timeoutMs: number): void {
    const life = this.life;
    if (life === null) return;
    this.#stopping = true;
    const deadline = this.world.now + timeoutMs;
    const look = () => {
      if (this.life !== life) return;
      const shipped = [...this.streams.values()].every((stream) => !stream.open || stream.flushed >= this.lsn);
      if (!shipped && this.world.now < deadline) {
        this.world.queue.after(10, life, look);
        return;
      }
      this.vanish();
      this.onExit();
    };
    this.world.queue.after(10, life, look);
  }

  /** Every process is gone; unflushed WAL with it. */
  vanish(): void {
    if (this.life === null) return;
    this.life.kill();
    this.vanishedAt = this.world.now;
    this.world.note(`${this.id} has no process left`);
    this.life = null;
    this.postmasterAlive = false;
    if (this.receiver !== null) {
      const stream = this.receiver;
      this.receiver = null;
      stream.primary.#close(stream);
    }
    for (const stream of [...this.streams.values()]) this.#close(stream);
    this.#waiting = [];
    this.role = 'dead';
    if (this.data.flushed < this.lsn) {
      this.data.wal.length = this.data.flushed;
      this.data.timelines = this.data.timelines.filter((one, index) => index === 0 || one.start < this.lsn);
    }
  }
}
