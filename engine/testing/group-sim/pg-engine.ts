/**
 * A PostgreSQL server as far as losing writes is concerned, as it was measured: names that count for a backend only after the checkpointer took the
 * reload, each walsender with its own view of them, a diverged standby that streams for a moment and reports a flush beyond the primary's, a stop that
 * may die in the middle, backends that outlive their postmaster. Invariant kept: like the real one it never compares content, only positions and
 * timeline numbers; finding silent divergence is the checker's work.
 */

import { standbyName } from '../../postgres/settings';
import { Process } from './event-queue';
import { type DataDirectory, type Names, parseNames, tag } from './pg-data';
import { ConnectingReceiver } from './pg-receiver';
import { newStream, type PgExit, type Session, type Stream, slotOf } from './pg-stream';
import type { World } from './world';

type Waiting = {
  readonly id: number;
  readonly lsn: number;
  readonly session: Session | null;
  readonly done: () => void;
};

/** wal_retrieve_retry_interval as the product sets it. */
const retryMs = 50;
/** What a walreceiver says arrives in order. */
const walLane = 'wal';

export class PgEngine {
  life: Process | null = null;
  postmasterAlive = false;
  role: 'dead' | 'starting' | 'standby' | 'promoting' | 'primary' = 'dead';
  startedAs: 'primary' | 'standby' = 'standby';
  /** Somebody promoted it by hand, or took its settings away: what it acknowledges meanwhile is theirs to answer for. */
  damagedByHand = false;
  servingSince = 0;
  vanishedAt = Number.NEGATIVE_INFINITY;
  /** A signal does not end it (it hangs in the kernel). */
  unkillable = false;
  /** Immediate stop takes for ever, SIGKILL works. */
  stuck = false;
  stopping = false;
  /** Its next planned stop dies on the way. */
  diesInStop = false;
  /** True time until which the checkpointer is in the sync phase of a checkpoint and takes no reload. */
  checkpointerBusyUntil = 0;
  readonly streams = new Map<string, Stream>();
  receiver: Stream | null = null;
  readonly #connecting = new ConnectingReceiver();
  /** As the startup process knows it, which asks for walreceivers. */
  #conninfo = false;
  #promotedByHand = false;
  /** What is left of it was killed and hangs in the kernel: it answers nothing any more. */
  #hangs = false;
  /** Shared memory: backends wait. Only the checkpointer sets it. */
  #commitsWait = false;
  #running = new Map<string, string>();
  #waiting: Waiting[] = [];
  #exit: PgExit = { code: 0, signal: null };

  constructor(
    readonly world: World,
    readonly id: string,
    readonly data: DataDirectory,
    private readonly host: {
      /** Where the service file of this host leads now, null: nowhere. */
      upstream(): PgEngine | null;
      exited(exit: PgExit): void;
      /** Its parent sees it at once. */
      postmasterDied(): void;
    },
  ) {}

  get timeline(): number {
    return this.data.timeline;
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
  /** As a new session reads it. */
  setting(name: string): string {
    return this.#running.get(name) ?? '';
  }
  get commitsWait(): boolean {
    return this.#commitsWait;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  get localCommits(): boolean {
    return ['off', 'local'].includes(this.setting('synchronous_commit'));
  }

  // ------------------------------------------------------------ start and settings
  /** The postmaster begins; `ready` once it takes connections. */
  start(role: 'primary' | 'standby', ready: () => void): void {
    if (this.life !== null) {
      this.world.checker.startedOverLeftovers(this);
      return;
    }
    if (!this.data.present) return;
    const life = new Process();
    this.life = life;
    this.postmasterAlive = true;
    this.role = 'starting';
    this.startedAs = role;
    this.stopping = false;
    this.#promotedByHand = false;
    this.#hangs = false;
    if (role === 'standby') this.damagedByHand = false;
    this.#exit = { code: 0, signal: null };
    this.#running = new Map(this.data.settings);
    // A checkpointer that starts takes the list before any backend can commit.
    this.#commitsWait = this.#names().members.length > 0;
    this.#conninfo = role === 'standby' && this.setting('primary_conninfo') !== '';
    this.world.note(
      `${this.id} starts as ${role} lsn ${this.lsn} timeline ${this.timeline} (${this.setting('synchronous_standby_names')})`,
    );
    this.world.queue.after(this.world.random.between(40, 150), life, () => {
      if (!this.postmasterAlive) return;
      this.role = role;
      if (role === 'primary') {
        this.data.controlState = 'in production';
        this.#checkpointRecord();
        this.servingSince = this.world.now;
        this.world.checker.serves(this);
        if (this.world.checker.hosts.filter((one) => one.member).length === 1) this.world.counters.restartsAlone++;
      } else {
        this.data.controlState = 'in archive recovery';
        this.#receiveLoop(life);
      }
      ready();
    });
  }

  #names(): Names {
    return parseNames(this.setting('synchronous_standby_names'));
  }

  /** SIGHUP: sessions and walsenders take it within milliseconds, the checkpointer when it is not busy. */
  reload(): void {
    const life = this.life;
    // Without its configuration file it stays as it is.
    if (life === null || !this.postmasterAlive || this.data.away) return;
    this.world.queue.after(this.world.random.between(0.3, 2), life, () => {
      this.#running = new Map(this.data.settings);
    });
    this.#startupTakes(life);
    for (const stream of this.streams.values()) {
      this.world.queue.after(this.world.random.between(1, 15), life, () => {
        stream.names = this.data.names;
        this.#release(stream);
      });
    }
    const busyMs = Math.max(0, this.checkpointerBusyUntil - this.world.now);
    this.world.queue.after(busyMs + this.world.random.between(1, 12), life, () => this.#checkpointerTakes(life));
  }

  /** Between two records, of which one may take long. Until then it asks for another walreceiver when one has ended. */
  #startupTakes(life: Process): void {
    const ms = this.world.random.chance(0.3) ? this.world.random.between(2, 200) : this.world.random.between(0.3, 2);
    this.world.queue.after(ms, life, () => {
      this.#conninfo = (this.data.settings.get('primary_conninfo') ?? '') !== '';
      if (!this.#conninfo && this.role !== 'primary') this.endReceivers();
    });
  }

  #checkpointerTakes(life: Process): void {
    const busyMs = this.checkpointerBusyUntil - this.world.now;
    if (busyMs > 0) {
      this.world.queue.after(busyMs + 1, life, () => this.#checkpointerTakes(life));
      return;
    }
    this.#commitsWait = this.data.names.members.length > 0;
    if (this.#commitsWait && this.role === 'primary' && !this.#promotedByHand) this.damagedByHand = false;
    if (!this.#commitsWait) for (const commit of this.#waiting.splice(0)) this.#acknowledge(commit);
  }

  alter(changes: Readonly<Record<string, string | null>>): void {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) this.data.settings.delete(name);
      else this.data.settings.set(name, value);
    }
    this.reload();
  }

  /** Its agent took over what somebody promoted by hand. */
  adopted(): void {
    this.#promotedByHand = false;
    if (this.#commitsWait) this.damagedByHand = false;
  }

  /** ALTER SYSTEM RESET ALL and a reload, by a person. */
  resetAll(): void {
    this.damagedByHand = true;
    this.data.settings.clear();
    this.reload();
  }

  checkpoint(done: () => void): void {
    const life = this.life;
    if (life === null) return;
    const ms = Math.max(0, this.checkpointerBusyUntil - this.world.now) + this.world.random.between(5, 60);
    this.world.queue.after(ms, life, () => {
      if (this.role === 'primary') this.#checkpointRecord();
      done();
    });
  }
  #checkpointRecord(): void {
    this.data.checkpoint = this.lsn;
    this.append(this.world.checker.nextId());
  }

  /** The next number without a history file; the list must be there before, the record of the end of recovery begins the new timeline. */
  promote(byHand: boolean): void {
    const life = this.life;
    if (this.role !== 'standby' || life === null) return;
    this.role = 'promoting';
    this.world.queue.after(this.world.random.between(20, 100), life, () => {
      if (!this.postmasterAlive || this.role !== 'promoting') return;
      this.stopReceiver();
      let timeline = this.timeline + 1;
      while (this.data.histories.has(timeline)) timeline++;
      this.data.standbySignal = false;
      this.data.timelines = [...this.data.timelines, { timeline, start: this.lsn }];
      this.data.histories.add(timeline);
      this.data.controlState = 'in production';
      this.role = 'primary';
      this.damagedByHand ||= byHand;
      this.#promotedByHand = byHand;
      this.servingSince = this.world.now;
      this.world.note(`${this.id} promoted timeline ${timeline} lsn ${this.lsn}${byHand ? ' by hand' : ''}`);
      if (!byHand) this.world.counters.promotions++;
      this.world.checker.promoted(this, byHand);
      this.append(this.world.checker.nextId());
    });
  }

  // ------------------------------------------------------------ commits
  append(id: number): number {
    this.data.wal.push(id);
    this.data.flushed = this.data.wal.length;
    for (const stream of this.streams.values()) this.#wake(stream);
    return this.lsn;
  }

  commit(session: Session | null, done: () => void): void {
    if (this.role !== 'primary' || this.life === null || this.stopping || this.#hangs) return;
    const id = this.world.checker.nextId();
    const lsn = this.append(id);
    const commit = { id, lsn, session, done };
    if (!this.#commitsWait || this.localCommits) this.#acknowledge(commit);
    else this.#waiting.push(commit);
  }
  #acknowledge(commit: Waiting): void {
    this.world.checker.acknowledged(this, commit.id, commit.lsn, commit.session);
    commit.done();
  }

  /** By the walsender that just heard something, and by its view of the list; it must be on it itself. */
  #release(by: Stream): void {
    const { members, k } = by.names;
    if (!by.open || by.state !== 'streaming' || !members.includes(by.name)) return;
    const flushed = [...this.streams.values()]
      .filter((stream) => stream.open && stream.state === 'streaming' && members.includes(stream.name))
      .map((stream) => stream.flushed)
      .sort((a, b) => b - a);
    const upTo = flushed[k - 1] ?? -1;
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.lsn <= upTo) count++;
    for (const commit of this.#waiting.splice(0, count)) this.#acknowledge(commit);
  }

  /** Every setting that could still release a commit. */
  activeNames(): Names[] {
    const own = this.#commitsWait ? [] : [{ members: [], k: 0 }];
    return [
      ...own,
      ...[...this.streams.values()].filter((one) => one.open && one.state === 'streaming').map((one) => one.names),
    ];
  }

  // ------------------------------------------------------------ streaming
  #receiveLoop(life: Process): void {
    this.world.queue.after(retryMs * this.world.random.between(0.5, 1.5), life, () => {
      if (this.role === 'standby' && this.#conninfo && !this.receives) this.#connect(life);
      if (this.role === 'standby') this.#receiveLoop(life);
    });
  }

  /** A walreceiver runs, connected or not. */
  get receives(): boolean {
    return this.receiver !== null || this.#connecting.current !== null;
  }

  #connect(life: Process): void {
    const { world, id } = this;
    const upstream = (): PgEngine | null => this.host.upstream();
    this.#connecting.connect({ world, id, life, upstream }, (primary) => primary.#accept(this, life));
  }

  #accept(standby: PgEngine, standbyLife: Process): void {
    if (this.role !== 'primary' || this.life === null || !this.postmasterAlive || this.stopping) return;
    if (standby.life !== standbyLife || standby.role !== 'standby' || standby.receiver !== null) return;
    if (!this.data.slots.has(slotOf(standby.id))) return;
    // "highest timeline of the primary is behind recovery timeline", "requested timeline is not in this server's history"
    const index = this.data.timelines.findIndex((one) => one.timeline === standby.timeline);
    if (index === -1 || standby.timeline > this.timeline) return;
    const next = this.data.timelines[index + 1];
    const diverged = standby.lsn > (next?.start ?? this.lsn);
    if (!diverged) this.world.checker.streamBegins(this, standby);
    else this.world.fired('a diverged standby streamed for a moment');
    // It begins with its own replay position, whatever the primary has.
    const stream = newStream(this, this.life, { standby, standbyLife, name: standbyName(standby.id, tag), diverged });
    const former = this.streams.get(standby.id);
    if (former?.open) this.#close(former);
    this.streams.set(standby.id, stream);
    this.world.note(`${standby.id} streams from ${this.id} at ${standby.lsn}${diverged ? ' (diverged)' : ''}`);
    standby.receiver = stream;
    this.#wake(stream);
    this.#statusLoop(stream);
    standby.#reply(stream);
    if (diverged) {
      this.world.queue.after(this.world.random.between(20, 200), standbyLife, () => {
        if (stream.open) this.#close(stream);
      });
    }
  }

  /** A consumer (pg_recvlogical and kin) that calls itself like a member; it confirms what it reads at once. */
  impostor(name: string): () => void {
    if (this.role !== 'primary' || this.life === null) return () => undefined;
    const stream = newStream(this, this.life, { standby: null, standbyLife: this.life, name, diverged: false });
    const key = `consumer ${name}`;
    this.streams.set(key, stream);
    const read = (): void => {
      if (!stream.open) return;
      stream.flushed = this.lsn;
      stream.replies++;
      this.#release(stream);
      this.world.queue.after(5, stream.primaryLife, read);
    };
    read();
    return () => {
      stream.open = false;
      if (this.streams.get(key) === stream) this.streams.delete(key);
    };
  }
  endConsumers(names: readonly string[] | null = null): number {
    const consumers = [...this.streams].filter(
      ([, stream]) => stream.standby === null && (names === null || names.includes(stream.name)),
    );
    for (const [key, stream] of consumers) {
      stream.open = false;
      this.streams.delete(key);
    }
    return consumers.length;
  }

  #close(stream: Stream): void {
    stream.open = false;
    for (const [key, one] of this.streams) if (one === stream) this.streams.delete(key);
    const { standby } = stream;
    if (standby?.receiver === stream) standby.#receiverEnded(stream);
  }

  /** What arrived is flushed when the walreceiver ends, if its processes live to do so. */
  #receiverEnded(stream: Stream): void {
    this.receiver = null;
    this.world.queue.after(this.world.random.between(0.2, 2), stream.standbyLife, () => {
      this.data.flushed = this.lsn;
    });
  }

  #wake(stream: Stream): void {
    if (stream.scheduled || !stream.open || stream.standby === null || stream.diverged || stream.sent >= this.lsn)
      return;
    stream.scheduled = true;
    const { standby } = stream;
    this.world.queue.after(0.3, stream.primaryLife, () => {
      stream.scheduled = false;
      if (!stream.open || this.role !== 'primary') return;
      const from = stream.sent;
      const batch = this.data.wal.slice(from);
      stream.sent = this.lsn;
      const starts = this.data.timelines;
      this.world.send(
        this.id,
        standby.id,
        () => stream.standbyLife,
        () => standby.#receive(stream, from, batch, starts),
      );
    });
  }

  #receive(stream: Stream, from: number, batch: readonly number[], starts: DataDirectory['timelines']): void {
    if (!stream.open || this.receiver !== stream || from > this.lsn) return;
    const fresh = batch.slice(this.lsn - from);
    if (fresh.length === 0) return;
    for (const id of fresh) this.data.wal.push(id);
    if (this.data.timelines.at(-1) !== starts.at(-1)) {
      this.data.timelines = starts.filter((one) => one.start < this.lsn || one.timeline === 1);
      for (const { timeline } of this.data.timelines) this.data.histories.add(timeline);
    }
    const upTo = this.lsn;
    this.world.queue.after(this.world.random.between(0.2, 2), stream.standbyLife, () => {
      if (this.receiver !== stream) return;
      this.data.flushed = Math.max(this.data.flushed, upTo);
      this.#reply(stream);
    });
  }

  /** What was said counts when it arrives, also if the walreceiver that said it is gone by then. */
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
        stream.replies++;
        if (flushed > stream.flushed) {
          stream.flushed = flushed;
          stream.progressAt = this.world.now;
        } else if (!stream.diverged && received < stream.sent && this.world.now - stream.progressAt > 100) {
          stream.progressAt = this.world.now;
          stream.sent = received;
        }
        stream.primary.#release(stream);
        stream.primary.#wake(stream);
      },
      walLane,
    );
  }

  #statusLoop(stream: Stream): void {
    this.world.queue.after(80, stream.standbyLife, () => {
      if (!stream.open) return;
      // wal_sender_timeout and wal_receiver_timeout: a dead connection is given up and made anew.
      if (this.world.now - stream.lastReplyAt > 5000) {
        stream.primary.#close(stream);
        return;
      }
      if (stream.standby?.receiver === stream) stream.standby.#reply(stream);
      this.#statusLoop(stream);
    });
  }

  /** SIGTERM to those that run now: each ends when it looks, behind an fsync late. Until then it writes, flushes and answers as before. */
  endReceivers(): void {
    const { life, receiver } = this;
    const running = receiver ?? this.#connecting.current;
    if (life === null || running === null || !this.#connecting.tell(running)) return;
    const { random } = this.world;
    this.world.queue.after(random.chance(0.2) ? random.between(20, 250) : random.between(0.1, 8), life, () => {
      this.#connecting.end(running);
      if (this.receiver === running) this.stopReceiver();
    });
  }

  stopReceiver(): void {
    const stream = this.receiver;
    this.#connecting.end();
    if (stream === null) return;
    this.receiver = null;
    this.data.flushed = this.lsn;
    this.#hangUp(stream);
    this.world.note(`${this.id} stopped receiving at ${this.lsn}`);
  }

  /** The primary sees it behind all that was said before; over a cut link it finds out by its time-out. */
  #hangUp(stream: Stream): void {
    const closed = (): void => stream.primary.#close(stream);
    this.world.send(this.id, stream.primary.id, () => stream.primaryLife, closed, walLane);
  }

  // ------------------------------------------------------------ death
  /** kill -9 of the postmaster: busy backends and walsenders may live on. */
  killPostmaster(): void {
    if (this.life === null || !this.postmasterAlive) return;
    this.postmasterAlive = false;
    this.#exit = { code: null, signal: 'SIGKILL' };
    this.world.note(`${this.id} lost its postmaster`);
    const orphans = this.serving && this.world.random.chance(0.6);
    if (orphans) this.world.fired('backends survived their postmaster');
    this.#endIn(orphans ? this.world.random.between(300, 1500) : 3, null);
    this.host.postmasterDied();
  }

  signalImmediate(): void {
    const life = this.life;
    if (life === null || this.stuck) return;
    this.stopping = true;
    this.#endIn(this.world.random.between(5, 80), life);
  }

  /** All of its processes end; what hangs in the kernel ends when it hangs no more. */
  #endIn(ms: number, owner: Process | null): void {
    const { life } = this;
    const end = (): void => {
      if (this.life !== life) return;
      if (!this.unkillable) {
        this.vanish();
        return;
      }
      this.#hangs = true;
      this.world.queue.after(50, null, end);
    };
    this.world.queue.after(ms, owner, end);
  }

  killAll(): void {
    const life = this.life;
    if (life === null) return;
    this.postmasterAlive = false;
    if (this.#exit.signal === null) this.#exit = { code: null, signal: 'SIGKILL' };
    this.#endIn(this.world.random.between(1, 15), null);
  }

  /** No new commits, everything shipped to connected standbys, then the shutdown checkpoint, shipped as well. */
  signalFast(): void {
    const life = this.life;
    if (life === null || this.stopping) return;
    this.stopping = true;
    this.#waiting = [];
    if (this.role !== 'primary') {
      this.world.queue.after(this.world.random.between(10, 60), life, () => {
        if (this.life !== life) return;
        this.data.controlState = 'shut down in recovery';
        this.data.flushed = this.lsn;
        this.vanish();
      });
      return;
    }
    const shipped = (): boolean =>
      [...this.streams.values()].every(
        (one) => !one.open || one.standby === null || one.diverged || one.flushed >= this.lsn,
      );
    const look = (then: () => void): void => {
      if (this.life !== life) return;
      if (shipped()) then();
      else this.world.queue.after(5, life, () => look(then));
    };
    this.data.controlState = 'shutting down';
    if (this.diesInStop) this.#dieSoon(life);
    this.world.queue.after(
      Math.max(0, this.checkpointerBusyUntil - this.world.now) + this.world.random.between(5, 40),
      life,
      () =>
        look(() => {
          this.#checkpointRecord();
          this.data.controlState = 'shut down';
          look(() => this.vanish());
        }),
    );
  }

  #dieSoon(life: Process): void {
    this.diesInStop = false;
    this.world.queue.after(this.world.random.between(1, 40), life, () => {
      this.world.fired('a planned stop died on its way');
      this.killPostmaster();
    });
  }

  /** Every process is gone. */
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
      this.#hangUp(stream);
    }
    this.#connecting.end();
    for (const stream of [...this.streams.values()]) this.#close(stream);
    this.streams.clear();
    this.#waiting = [];
    this.role = 'dead';
    this.stopping = false;
    if (this.data.away) this.data.renew();
    this.host.exited(this.#exit);
  }
}
