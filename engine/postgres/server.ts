/**
 * One node's PostgreSQL as its agent drives it: puts the concerns of this folder together behind the contract in api.ts.
 * Invariants kept here: a directory with standby.signal is never started as a primary; nothing is started while a process of an earlier
 * server lives; a lost guardian means that everything it guarded is killed before its exit is told.
 */
import { join } from 'node:path';
import { type Shortfall, type StandbyParameters, shortfallOf } from '../cluster/core/standby-parameters';
import type { PostgresReport } from '../cluster/model';
import { pollUntil, SerialQueue } from '../kernel/async';
import { exists } from '../kernel/durable-file';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';
import type { NodeSlots, SlotInfo, SlotSpec } from '../replication/model';
import type { LogPage, SessionInfo, SettingInfo, SettingsVerdict, WalStatus } from '../runtime/engine-api';
import type {
  ControlData,
  PostgresConfiguration,
  PostgresServer,
  ReachedFork,
  ServerExit,
  StandbyPosition,
  StartOptions,
} from './api';
import { editAutoConf } from './auto-conf';
import { BacklogWatch } from './backlog-watch';
import { cloneFromPrimary, repairSwap } from './base-backup';
import { LocalConnection, type LocalEndpoint, sqlState } from './connection';
import { lookAtDataDirectory, readControlFile, readTimelineHistory, type TimelineEnd } from './control-data';
import { bootstrapDirectory } from './initdb';
import { type LogFilter, tailLog } from './log-tail';
import { keepOwnObjects } from './own-objects';
import { listSettings } from './pg-settings';
import { bare, endOfReceipt, endReceivers, lookAtRecovery, settle, waitForReplay } from './position';
import { Postmaster } from './postmaster';
import { readPostmasterFile } from './processes';
import { promote } from './promote';
import { RedoEstimator } from './redo-estimate';
import { compareHistories, type LocalEnd } from './rejoin';
import { Reporter, runningParametersSql } from './report';
import { RetryPace } from './retry-pace';
import { applySettings, type Settings } from './runtime-settings';
import { ServiceFileReaders } from './service-file-readers';
import { endSession, listSessions, type SessionPage, terminateSessions } from './sessions';
import { primaryConninfo, slotName } from './settings';
import { trySettings } from './settings-trial';
import { sharedFiles } from './shared-directories';
import {
  type CopyQuestion,
  endSlotHolds,
  keepSlotCopies,
  type SlotCopies,
  waitForCopies,
  waitForCopy,
  waitForNoCopy,
  wakeSlotCopying,
} from './slot-copies';
import { keepSlots } from './slots';
import { replayCanNotGoOn } from './standby-floor';
import { SqlStandbyNames } from './standby-names';
import {
  controlToStartFrom,
  prepareDirectories,
  prepareStart,
  privateStartArguments,
  repairConfiguration,
} from './start-files';
import { SyncStandbys } from './sync-standbys';
import { unloggedTables } from './unlogged-tables';
import { createSlot, dropSlot, endConsumers, endSenders, listSlots } from './user-slots';
import { checkpoint, switchWal, walStatus } from './wal';

export class PgServer implements PostgresServer {
  readonly #postmaster: Postmaster;
  /** Reports have a connection of their own: a long command never makes a node look dead. */
  readonly #reports: LocalConnection;
  readonly #commands: LocalConnection;
  readonly #reporter: Reporter;
  readonly #redo: RedoEstimator;
  readonly #standbys: SyncStandbys;
  /** What this standby was told to follow; null: nothing, or not known. */
  #source: { readonly conninfo: string; readonly slot: string } | null = null;
  /** Starts, stops, clones and role changes one at a time. */
  readonly #changes = new SerialQueue('PostgreSQL server', 32);
  #control: { data: ControlData; at: number } | null = null;
  #starting = 0;
  #standbySignal = false;
  #present = false;
  readonly #pace = new RetryPace();
  readonly #readers: ServiceFileReaders;
  readonly #backlog: BacklogWatch;

  /** `orphanMs`: how long a standby outlives its agent. */
  constructor(
    readonly configuration: PostgresConfiguration,
    options: { readonly orphanMs?: number } = {},
  ) {
    this.#postmaster = new Postmaster(configuration, () => this.#stopped(), options.orphanMs);
    this.#reports = new LocalConnection(() => this.#endpoint('rustydb agent (report)'));
    this.#commands = new LocalConnection(() => this.#endpoint('rustydb agent'), true);
    this.#standbys = new SyncStandbys(new SqlStandbyNames(this.#commands, () => this.#fresh, configuration.standbyTag));
    this.#reporter = new Reporter(this.#reports, configuration, (pid) => this.#postmaster.signal(pid, 'SIGTERM'));
    this.#redo = new RedoEstimator(join(configuration.paths.nodeDirectory, 'replay-speed.json'));
    this.#backlog = new BacklogWatch(this.#redo);
    this.#readers = new ServiceFileReaders(configuration.serviceFile);
  }

  #endpoint(purpose: string): LocalEndpoint {
    const { paths, port, passwords } = this.configuration;
    return { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose };
  }

  get #fresh(): LocalEndpoint {
    return this.#endpoint('rustydb agent (new session)');
  }

  get #dataDirectory(): string {
    return this.configuration.paths.dataDirectory;
  }

  #stopped(): void {
    this.#reports.reset();
    this.#commands.reset();
    this.#reporter.forget();
    this.#standbys.forget();
    this.#source = null;
    this.#pace.forget();
    this.#control = null;
  }

  // ---------------------------------------------------------------- directory
  async inspect(): Promise<{ kind: 'absent' } | { kind: 'present'; control: ControlData; standbySignal: boolean }> {
    await repairSwap(this.#dataDirectory);
    this.#present = (await lookAtDataDirectory(this.#dataDirectory)) === 'present';
    if (!this.#present) return { kind: 'absent' };
    const control = await readControlFile(this.#dataDirectory);
    this.#standbySignal = await exists(join(this.#dataDirectory, 'standby.signal'));
    return { kind: 'present', control, standbySignal: this.#standbySignal };
  }

  bootstrap(): Promise<void> {
    return this.#changes.run(async () => {
      await prepareDirectories(this.configuration);
      await bootstrapDirectory(this.configuration);
      await this.inspect();
    });
  }

  baseBackup(options: Parameters<PostgresServer['baseBackup']>[0]): Promise<void> {
    return this.#changes.run(async () => {
      if (!(await this.isDead()))
        throw new ClusterError(
          'CONFLICT',
          'PostgreSQL still runs in the data directory: stop it before it is cloned anew',
        );
      await prepareDirectories(this.configuration);
      await cloneFromPrimary(this.configuration, options);
      await this.inspect();
    });
  }

  // ---------------------------------------------------------------- processes
  dataMovedAway(): boolean {
    return this.#postmaster.dataMovedAway;
  }

  async adopt(): Promise<{ postmasterPid: number } | null> {
    return this.#changes.run(async () => {
      const pid = await this.#postmaster.adopt();
      this.#present = (await lookAtDataDirectory(this.#dataDirectory).catch(() => 'present')) === 'present';
      this.#standbySignal = await exists(join(this.#dataDirectory, 'standby.signal'));
      return pid === null ? null : { postmasterPid: pid };
    });
  }

  async start(role: 'primary' | 'standby', options: StartOptions): Promise<void> {
    const { serveForMs } = options;
    if (role === 'primary' && serveForMs === undefined) {
      throw new ClusterError('INTERNAL', 'a primary starts only under a lease: serveForMs is missing');
    }
    const deadline = role === 'primary' ? this.#postmaster.firstDeadline(serveForMs!) : null;
    const { launched, before, startedAt } = await this.#changes.run(async () => {
      // What is about to start is not dead: the lease would go back before there is anything to kill.
      this.#starting++;
      try {
        const before = await this.#startable();
        const prepared = await prepareStart(this.configuration, role, options);
        this.#standbySignal = role === 'standby';
        const startedAt = performance.now();
        const launched = await this.#postmaster.launch(role, deadline, prepared.arguments);
        this.#readers.launched(this.#postmaster.pid);
        this.#standbys.started(prepared.synchronousStandbyNames);
        this.#source = prepared.source;
        return { launched, before, startedAt };
      } finally {
        this.#starting--;
      }
    });
    // Not in the queue: a standby that recovers for long can still be told to follow somebody else.
    const ready = await launched.untilReady(options.timeoutMs);
    if (role === 'standby') return;
    if (!ready) {
      throw new ClusterError(
        'TIMEOUT',
        `PostgreSQL did not accept connections within ${options.timeoutMs} ms; its recovery goes on`,
      );
    }
    const tookMs = performance.now() - startedAt;
    await this.#redo.sampleStart(before, await this.currentLsn().catch(() => null), tookMs);
  }

  #startable(): Promise<ControlData> {
    return controlToStartFrom(this.#dataDirectory, this.#postmaster.isDead(), () => this.inspect());
  }

  stop(mode: 'fast' | 'immediate', timeoutMs: number): Promise<void> {
    // Not in the queue: a stop must never wait for a clone or a start that hangs.
    return this.#postmaster.stop(mode, timeoutMs);
  }

  killAll(): Promise<void> {
    return this.#postmaster.killAll();
  }

  sharedFiles(): string | null {
    return sharedFiles(this.#dataDirectory);
  }

  async isDead(): Promise<boolean> {
    return this.#starting === 0 && this.#postmaster.isDead();
  }

  pushDeadline(remainingMs: number): void {
    this.#postmaster.push(remainingMs);
  }

  setRole(role: 'primary' | 'standby', remainingMs: number): Promise<void> {
    return this.#postmaster.setRole(role, remainingMs);
  }

  onExit(callback: (exit: ServerExit) => void): () => void {
    return this.#postmaster.onExit(callback);
  }

  guardianPid(): number | null {
    return this.#postmaster.guardianPid;
  }

  guardianVersion(): number | null {
    return this.#postmaster.guardianVersion;
  }

  postmasterPid(): number | null {
    return this.#postmaster.pid;
  }

  // ---------------------------------------------------------------- looking
  async report(): Promise<PostgresReport> {
    await this.#refreshControl();
    const facts = {
      present: this.#present || this.#postmaster.pid !== null,
      postmasterPid: this.#postmaster.pid,
      lastExit: this.#postmaster.lastExit,
      stopping: this.#postmaster.stopping,
      standbySignal: this.#standbySignal,
      recovering: this.#control?.data.state.includes('recovery') ?? false,
      requiredParameters: this.#control?.data.parameters ?? null,
      source: this.#source,
    };
    const report = await this.#reporter.report(facts, (lsn) => {
      if (!this.#control) return null;
      this.#redo.sampleWal(lsn, this.#control.data.redoLsn);
      return this.#redo.walBytes;
    });
    if (report.state === 'primary') this.#standbySignal = false;
    this.#backlog.look(report);
    this.#watchSource(report);
    return report;
  }

  /** The last checkpoint's redo point, from the control file, twice a second at most. */
  async #refreshControl(): Promise<void> {
    if (this.#postmaster.pid === null || (this.#control && performance.now() - this.#control.at < 500)) return;
    const data = await readControlFile(this.#dataDirectory).catch(() => null);
    if (data) this.#control = { data, at: performance.now() };
  }

  async position(): Promise<StandbyPosition> {
    return bare(await lookAtRecovery(this.#commands));
  }

  async currentLsn(): Promise<LsnText> {
    return (await lookAtRecovery(this.#commands)).lsn;
  }

  async timelineHistory(): Promise<readonly TimelineEnd[]> {
    const look = await lookAtRecovery(this.#commands);
    return readTimelineHistory(this.#dataDirectory, look.timeline);
  }

  estimateRedoMs(): { walBytes: number; bytesPerSecond: number; ms: number } {
    return this.#redo.estimate();
  }

  // ---------------------------------------------------------------- role
  async parameterShortfall(): Promise<readonly Shortfall[]> {
    const { parameters } = await readControlFile(this.#dataDirectory);
    const [row] = await this.#commands.query<{ running: StandbyParameters | null }>(
      `SELECT CASE WHEN pg_is_in_recovery() THEN ${runningParametersSql} END AS running`,
    );
    return shortfallOf(row?.running, parameters);
  }

  stopReceiving(timeoutMs: number): Promise<StandbyPosition> {
    return this.#changes.run(async () => {
      const deadline = performance.now() + timeoutMs;
      this.#source = null;
      await this.#changeSource({ primary_conninfo: '', ...this.#pace.tighten() });
      await pollUntil(() => (this.#answers() ? true : undefined), {
        timeoutMs: deadline - performance.now(),
        intervalMs: 10,
        what: 'the standby reaches a consistent state and answers',
      });
      return settle(this.#commands, deadline - performance.now());
    });
  }

  follow(slot: string, tagged = false): Promise<void> {
    return this.#changes.run(async () => {
      const { passfile } = await prepareDirectories(this.configuration);
      const conninfo = primaryConninfo(this.configuration, passfile, {
        tagged,
        direct: this.#readers.reads(this.#postmaster.pid),
      });
      const source = { primary_conninfo: conninfo, primary_slot_name: slot };
      // Another primary may have no slot for a copy that must stay: the copies are compared with it first.
      const settings = { ...source, sync_replication_slots: 'off', ...this.#pace.tighten() };
      this.#source = null;
      await this.#changeSource(settings);
      this.#source = { conninfo, slot };
    });
  }

  async endReceivers(): Promise<boolean> {
    const answers = this.#answers();
    if (answers) await endReceivers(this.#commands);
    return answers || this.#postmaster.pid === null;
  }

  #watchSource(report: PostgresReport): void {
    const wanted = this.#pace.look(report, performance.now());
    if (wanted) void this.#changes.run(() => applySettings(this.#commands, wanted)).catch(() => undefined);
  }

  #answers(): boolean {
    return this.#postmaster.pid !== null && readPostmasterFile(this.#dataDirectory)?.status === 'ready';
  }

  /** A standby that still recovers takes no ALTER SYSTEM (and nobody else's either): its file is changed under it, then SIGHUP. */
  async #changeSource(settings: Readonly<Record<string, string | null>>): Promise<void> {
    if (this.#answers()) {
      await applySettings(this.#commands, settings);
      return;
    }
    await this.#writeSettings(settings);
  }

  async #writeSettings(settings: Settings): Promise<void> {
    await editAutoConf(this.#dataDirectory, settings, this.configuration.runAs);
    if (this.#postmaster.pid !== null) await this.#postmaster.reload();
  }

  promote(timeoutMs: number, timeline?: number): Promise<{ timeline: number; forkLsn: LsnText }> {
    return this.#changes.run(async () => {
      // A relaxed interval is what a promotion would wait for.
      if (this.#pace.relaxed) await this.#changeSource(this.#pace.tighten());
      const result = await promote(this.#commands, this.#dataDirectory, timeoutMs, timeline);
      this.#standbySignal = false;
      await this.#standbys.promoted();
      return result;
    });
  }

  checkpoint(): Promise<void> {
    return checkpoint(this.#fresh);
  }

  repairConfiguration(members: number, refused: readonly string[]): Promise<void> {
    return this.#changes.run(async () => {
      await repairConfiguration(this.configuration, members, refused);
      if (this.#postmaster.pid !== null) await this.#postmaster.reload();
    });
  }

  applySettings(settings: Readonly<Record<string, string | null>>): Promise<{ pendingRestart: readonly string[] }> {
    return this.#changes.run(async () => {
      if (this.#answers()) {
        const { pendingRestart } = await applySettings(this.#commands, settings);
        return { pendingRestart };
      }
      await this.#writeSettings(settings);
      return { pendingRestart: [] };
    });
  }

  checkSettings(settings: Settings): Promise<SettingsVerdict> {
    // Not in the queue: it concerns nothing that is changed there.
    return trySettings(this.configuration, settings);
  }

  setSynchronousStandbys(members: readonly NodeId[], k: number): Promise<void> {
    return this.#changes.run(() => this.#standbys.set(members, k));
  }

  closeStandbyNames(commitsWait: boolean): Promise<void> {
    return this.#changes.run(() => this.#standbys.close(commitsWait));
  }

  keepSlots(members: readonly NodeId[], advanceTo: Readonly<Record<NodeId, LsnText>>): Promise<void> {
    return keepSlots(this.#commands, members, advanceTo);
  }

  slots(): Promise<NodeSlots> {
    return listSlots(this.#commands);
  }

  unloggedTables(): ReturnType<typeof unloggedTables> {
    return unloggedTables(this.#commands, this.#fresh);
  }

  keepOwnObjects(): Promise<readonly string[]> {
    return keepOwnObjects(this.#endpoint('rustydb agent (upkeep)'));
  }

  createSlot(spec: SlotSpec): Promise<SlotInfo> {
    return createSlot(this.#commands, this.#fresh, spec);
  }

  dropSlot(name: string): Promise<boolean> {
    return dropSlot(this.#commands, name);
  }

  waitForSlotCopy(name: string, timeoutMs: number): Promise<boolean> {
    return waitForCopy(this.#commands, name, timeoutMs);
  }

  waitForNoSlotCopy(name: string, timeoutMs: number): Promise<boolean> {
    return waitForNoCopy(this.#commands, name, timeoutMs);
  }

  async keepSlotCopies(
    question: CopyQuestion,
    stillSo: () => boolean,
    beforeOn: () => void,
  ): Promise<SlotCopies | null> {
    const found = await keepSlotCopies(this.#commands, this.#fresh, question);
    if (found === null) return null;
    if (found.copying) beforeOn();
    const copying = await this.#switchSlotCopying(found.copying, stillSo);
    return { ...found, copying };
  }

  async stopSlotCopying(): Promise<void> {
    if (this.#answers()) await this.#switchSlotCopying(false, () => true);
  }

  /** In the queue: a change of source that comes after this one has the last word. */
  #switchSlotCopying(on: boolean, stillSo: () => boolean): Promise<boolean> {
    return this.#changes.run(async () => {
      const wanted = on ? 'on' : 'off';
      const rows = await this.#commands.query<{ now: string }>(
        "SELECT current_setting('sync_replication_slots') AS now",
      );
      const now = rows[0]?.now;
      if (now === wanted || !stillSo()) return now === 'on';
      await applySettings(this.#commands, { sync_replication_slots: wanted });
      return on;
    });
  }

  endSlotHolds(): Promise<readonly string[]> {
    return endSlotHolds(this.#commands, this.#fresh);
  }

  waitForSlotCopies(wanted: readonly { name: string; lsn: LsnText }[], timeoutMs: number): Promise<boolean> {
    return waitForCopies(this.#commands, wanted, timeoutMs);
  }

  endSenders(senders: readonly { readonly pid: number; readonly name: string }[]): Promise<number> {
    return endSenders(this.#commands, senders);
  }

  endConsumers(): Promise<number> {
    return endConsumers(this.#commands);
  }

  wakeSlotCopying(): Promise<void> {
    return wakeSlotCopying(this.#commands);
  }

  async setSynchronizedStandbySlots(members: readonly NodeId[]): Promise<void> {
    await this.applySettings({ synchronized_standby_slots: members.map(slotName).join(',') });
  }

  localEnd(timeoutMs: number): Promise<LocalEnd> {
    return this.#changes.run(async () => {
      this.#source = null;
      const close = () => this.#changeSource({ primary_conninfo: '', ...this.#pace.tighten() });
      return this.#withHistory(await endOfReceipt(this.#commands, close, timeoutMs));
    });
  }

  async #withHistory({ timeline, lsn }: StandbyPosition): Promise<LocalEnd> {
    return { timeline, lsn, history: await readTimelineHistory(this.#dataDirectory, timeline) };
  }

  compareWithFork(...primary: Parameters<PostgresServer['compareWithFork']>): Promise<ReachedFork> {
    return this.#changes.run(async () => {
      await this.#startable();
      const { arguments: floors } = await prepareStart(this.configuration, 'standby', { timeoutMs: 0, follow: false });
      this.#standbySignal = true;
      try {
        const extra = [...floors, ...(await privateStartArguments(this.configuration))];
        const launched = await this.#postmaster.launch('standby', null, extra);
        if (!(await launched.untilReady(60_000))) {
          throw new ClusterError(
            'UNAVAILABLE',
            'the old primary’s own WAL does not bring it to a consistent state: clone it anew',
          );
        }
        return compareHistories(await this.#withHistory(await settle(this.#commands, 60_000)), ...primary);
      } finally {
        await this.#postmaster.stop('fast', 10_000);
      }
    });
  }

  waitForReplay(lsn: LsnText, timeoutMs: number): Promise<void> {
    return waitForReplay(this.#commands, lsn, timeoutMs);
  }

  // ---------------------------------------------------------------- for people
  /** A server that lacks locks or connections lets nobody in, us neither; the session of the reports is there. */
  #withKept<T>(use: (connection: LocalConnection) => Promise<T>): Promise<T> {
    return use(this.#commands).catch((error: unknown) => {
      if (!sqlState(error)?.startsWith('53')) throw error;
      return use(this.#reports);
    });
  }

  sessions(page?: SessionPage): Promise<readonly SessionInfo[]> {
    return this.#withKept((connection) => listSessions(connection, page));
  }

  endSession(pid: number, mode: 'cancel' | 'terminate'): Promise<boolean> {
    const signal = (one: number, name: 'SIGINT' | 'SIGTERM') => this.#postmaster.signal(one, name);
    return this.#withKept((connection) => endSession(connection, pid, mode, signal));
  }

  terminateSessions(): Promise<number> {
    return terminateSessions(this.#commands);
  }

  settings(): Promise<readonly SettingInfo[]> {
    return listSettings(this.#commands);
  }

  logs(options: LogFilter): Promise<LogPage> {
    return tailLog(this.configuration.paths.logDirectory, options);
  }

  wal(): Promise<WalStatus> {
    return walStatus(this.#commands);
  }

  switchWal(): Promise<LsnText> {
    return switchWal(this.#commands);
  }

  async setReplayPaused(paused: boolean): Promise<void> {
    const shortfall = paused ? [] : await this.parameterShortfall();
    if (shortfall.length > 0) throw replayCanNotGoOn(shortfall);
    await this.#commands.query(paused ? 'SELECT pg_wal_replay_pause()' : 'SELECT pg_wal_replay_resume()');
  }

  /** Lets go of everything; PostgreSQL and its guardian go on. */
  async close(): Promise<void> {
    this.#reports.close();
    this.#commands.close();
    this.#postmaster.close();
  }
}
