/**
 * The controller: observe → analyse → plan → execute, in the agent that leads the control store. Everything it decides is decided by pure functions;
 * this shell feeds them, journals and sends commands. Invariants: it acts only while it leads and under that term; without leadership it still shows
 * what the local replica tells.
 */

import { join } from 'node:path';
import { type Deferred, deferred } from '../kernel/async';
import { ClusterError, isClusterError, messageOf } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { every } from '../kernel/waiting';
import { EventLog } from '../monitoring/event-log';
import { HealthJournal } from '../monitoring/health-journal';
import { type EngineEvent, type HealthTransition, mostListed } from '../monitoring/model';
import type { Plan } from '../operations/core/plan-model';
import { isFresh } from '../operations/core/snapshot';
import { OperationExecutor } from '../operations/executor';
import type { Operation, OperationRequest } from '../operations/model';
import { type ArchiveRecord, OperationArchive } from '../operations/operation-archive';
import { OperationHistory } from '../operations/operation-history';
import { newOperationId } from '../operations/operation-id';
import { OperationService, planFields } from '../operations/operation-service';
import { Settling } from '../operations/settling';
import type { ExecutorWorld } from '../operations/step-context';
import type { SlotNotice } from '../replication/model';
import type { EngineMethod, EngineParams, EngineResult } from '../runtime/engine-api';
import { ClusterState } from './cluster-state';
import type { ExitNotice } from './commands';
import type { ClusterController, ControllerDependencies, LeaderMethod } from './controller-api';
import { ControllerEvents } from './controller-events';
import { decide, GroupMemories, retryAfterMs } from './failure-detector';
import { Janitor } from './janitor';
import { LeaderMethods } from './leader-methods';
import { LevelRaiser } from './level-raiser';
import { type ClusterView, keys, type NodeReport } from './model';
import { ReplicationErrors } from './replication-errors';
import { Resumption } from './resumption';
import { SlotEvents } from './slot-events';
import { ViewCache } from './view-cache';
import { WalPositions } from './wal-positions';

/** A group whose lease is over or odd is looked at this often; sooner at a known expiry. */
const leasePollMs = 50;
/** With every lease running nothing can be due before one of them ends, unless leases were made shorter meanwhile. */
const servedPollMs = 200;
const analysisIntervalMs = 250;
const notificationIntervalMs = 100;
const maxArchivists = 16;
const collectMs = 2_000;
/** A standby is asked for so long what its server said of a broken stream. */
const wordsMs = 2_000;
/** A new leader has asked everybody for a report; until then a healthy cluster would look dead. Who is silent for this long is shown as silent. */
const settleMs = 500;

export class Controller implements ClusterController {
  readonly #log: EventLog;
  readonly #events: ControllerEvents;
  readonly #health: HealthJournal;
  /** A new leader asks the others for what this node did not hear. */
  #collecting: Promise<void> = Promise.resolve();
  readonly #slots: SlotEvents;
  readonly #positions = new WalPositions();
  readonly #replicationErrors: ReplicationErrors;
  readonly #state: ClusterState;
  readonly #cache: ViewCache;
  readonly #executor: OperationExecutor;
  readonly #archive: OperationArchive;
  readonly #history: OperationHistory;
  readonly #service: OperationService;
  readonly #settlingChanges: Settling;
  readonly #methods: LeaderMethods;
  readonly #janitor: Janitor;
  readonly #level: LevelRaiser;
  readonly #resumption: Resumption;
  readonly #memories = new GroupMemories();
  readonly #viewCallbacks = new Set<() => void>();
  readonly #timers = new Set<Timer>();
  #unsubscribe: (() => void) | null = null;
  #leading = false;
  #term = 0;
  #leaseTimer: Timer | null = null;
  #notifyTimer: Timer | null = null;
  #sentence = '';
  #stopped = true;
  /** Since this leadership began not everybody was heard yet. */
  #settling: Deferred<void> | null = null;

  constructor(private readonly deps: ControllerDependencies) {
    const { loop } = deps;
    const clock = { monotonic: () => loop.now(), wall: () => loop.wallMs() };
    this.#log = new EventLog(clock.wall);
    this.#health = new HealthJournal(join(deps.archiveDirectory, 'health'), deps.logger, clock.wall, {}, deps.files);
    this.#events = new ControllerEvents(this.#log, clock.wall, (entries) => {
      this.takeHealth(entries);
      deps.shareHealth?.(entries);
    });
    this.#slots = new SlotEvents((event) => this.#log.emit(event));
    this.#replicationErrors = new ReplicationErrors({
      group: (name) => this.#state.group(name),
      fatal: (node) => this.#world().request(node, 'node.logs', { limit: 5, level: 'FATAL', contains: null }, wordsMs),
      term: () => (this.#leading ? this.#term : -1),
      leaseMs: () => this.#state.config.leaseMs,
      nowMs: clock.wall,
      emit: (event) => this.#log.emit(event),
    });
    this.#state = new ClusterState(deps.self, deps.store, clock, (changed) => this.#recordsChanged(changed));
    this.#cache = new ViewCache(this.#state, clock);
    const archive = new OperationArchive(deps.archiveDirectory, deps.files);
    this.#archive = archive;
    this.#history = new OperationHistory({
      stored: () => this.#state.operations().map((entry) => entry.operation),
      archives: () => this.#archivists(),
      known: () =>
        deps.store.localList(keys.operationArchives).map(({ key, value }) => ({
          node: key.slice(keys.operationArchives.length),
          ...(value as ArchiveRecord),
        })),
      archived: (node, params) =>
        node === deps.self ? archive.list(params) : this.#world().request(node, 'operation.archived', params, 2_000),
    });
    const listener = {
      started: (operation: Operation) => this.#events.operationStarted(operation),
      stepped: (operation: Operation, step: Operation['steps'][number]) =>
        this.#events.operationStepped(operation, step),
      finished: (operation: Operation) => this.#operationFinished(operation),
    };
    this.#executor = new OperationExecutor(this.#world(), listener, deps.logger);
    const leads = () => this.#leading;
    this.#settlingChanges = new Settling({ loop, leads, snapshot: () => this.#state.snapshot() });
    this.#service = new OperationService({
      store: deps.store,
      state: this.#state,
      executor: this.#executor,
      history: this.#history,
      settling: this.#settlingChanges,
      settingsOf: (node) => this.#world().request(node, 'node.settings', {}, 2_000),
      checkSettings: (node, settings) => this.#world().request(node, 'node.settings.check', { settings }, 15_000),
      slotsOf: (node) => this.#world().request(node, 'node.slots', {}, 2_000),
      unloggedOf: (node) => this.#world().request(node, 'node.unlogged', {}, 2_000),
      endedUnbegun: (operation) => this.#events.operationEnded(operation),
      nowMs: clock.wall,
      random: () => loop.random(),
    });
    this.#resumption = new Resumption({
      self: deps.self,
      store: deps.store,
      state: this.#state,
      executor: this.#executor,
      logger: deps.logger,
      nowMs: clock.wall,
    });
    this.#methods = new LeaderMethods(deps.store, this.#state, loop);
    this.#level = new LevelRaiser({
      store: deps.store,
      state: this.#state,
      logger: deps.logger,
      nowMs: clock.wall,
    });
    this.#janitor = new Janitor({
      self: deps.self,
      store: deps.store,
      state: this.#state,
      archive,
      logger: deps.logger,
      nowMs: clock.wall,
    });
  }

  readonly events = {
    since: (after: string | null) => this.#log.since(after),
    subscribe: (callback: (event: EngineEvent) => void) => this.#log.subscribe(callback),
    emit: (event: Omit<EngineEvent, 'eventId' | 'timestamp'>): void => void this.#log.emit(event),
  };

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#state.start();
    this.#unsubscribe = this.deps.store.onLeadership((leading, term) => this.#leadership(leading, term));
    this.#every(analysisIntervalMs, () => this.#analyse());
    this.#every(1_000, () => this.#housekeeping());
    this.#every(1_000, () => this.#tellPositions());
    if (this.deps.store.isLeader()) this.#leadership(true, this.deps.store.status().term);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#notifyTimer?.cancel();
    await this.#stepDown();
    this.#state.stop();
  }

  ingest(report: NodeReport): void {
    if (!this.#leading && report.node !== this.deps.self && this.deps.store.status().leader !== null) return;
    if (!this.#state.ingest(report)) return;
    this.#cache.touchNode(report.node);
    if (this.#settling && this.#state.hasHeardAll()) this.#settle();
  }

  settled(): Promise<void> {
    return this.#settling?.promise ?? Promise.resolve();
  }

  #settle(): void {
    const { promise = null, resolve = null } = this.#settling ?? {};
    if (promise === null) return;
    this.#settling = null;
    this.#analyse();
    resolve?.();
  }

  noteStopped(stopped: readonly { readonly node: NodeId; readonly sentence: string }[]): void {
    for (const node of this.#state.noteStopped(stopped)) this.#cache.touchNode(node);
  }

  exitNotice(notice: ExitNotice): void {
    if (!this.#leading) return;
    if (notice.decision === 'fail-over') this.#memories.of(notice.group).exit = notice;
    this.deps.logger.warn({ notice }, 'PostgreSQL exited under a live agent');
    this.#log.emit({
      category: 'clustering',
      eventType: 'postgres_exited',
      severity: 'error',
      source: `node:${notice.node}`,
      payload: {
        node_id: notice.node,
        group: notice.group,
        decision: notice.decision,
        redo_ms: notice.redoMs,
        wal_bytes: notice.walBytes,
      },
    });
    this.#cache.touchGroup(notice.group);
    this.#lookAt(notice.group);
  }

  slotNotice(notice: SlotNotice): void {
    if (!this.#leading) throw this.#notLeading();
    this.#slots.take(notice);
  }

  /** Brings the view up to date now instead of with the next cycle. */
  refresh(): void {
    this.#analyse();
  }

  onViewChange(callback: () => void): () => void {
    this.#viewCallbacks.add(callback);
    return () => this.#viewCallbacks.delete(callback);
  }

  view(): ClusterView {
    if (this.#cache.revision === 0 || (this.#isOnlooker() && this.#cache.dirty)) this.#cache.refresh();
    return this.#cache.view();
  }

  /** Another node leads: people look there, and what it shows is not made here as well unless somebody asks. */
  #isOnlooker(): boolean {
    if (this.#leading || this.#stopped) return false;
    const { leader } = this.deps.store.status();
    return leader !== null && leader !== this.deps.self;
  }

  async handle<M extends LeaderMethod>(method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    if (!this.#leading) throw this.#notLeading();
    const table: LeaderTable = this.#table;
    return table[method](params);
  }

  #notLeading(): ClusterError {
    return new ClusterError('UNAVAILABLE', 'This agent does not lead the control store.', {
      clusterCode: 'CLU_NOT_LEADER',
    });
  }

  readonly #table: LeaderTable = {
    'view.get': async () => {
      await this.settled();
      return this.view();
    },
    'operation.plan': async (params) => {
      await this.settled();
      return this.#service.plan(params);
    },
    'operation.start': async (params) => {
      await this.settled();
      const { operation, began } = await this.#service.start(params);
      if (began && operation.state === 'pending') this.#events.operationScheduled(operation);
      return operation;
    },
    'operation.cancel': (params) => this.#service.cancel(params.id, params.requester),
    'operation.get': (params) => this.#service.get(params.id),
    'operation.list': (params) => this.#history.list(params),
    'config.put': (params) => this.#settlingChanges.after(null, this.#methods.putConfig(params)),
    'group.put': (params) => this.#settlingChanges.after(params.group, this.#methods.putGroup(params)),
    'node.put': (params) =>
      this.#settlingChanges.after(this.#state.groupOf(params.node), this.#methods.putNode(params)),
    'raft.transfer': (params) => this.#methods.transfer(params.to),
    'health.history': async (params) => {
      await this.#collecting;
      return this.#health.list(params);
    },
    'audit.tell': async (params) => {
      this.#events.audited(params);
      return {};
    },
    'store.get': (params) => this.deps.store.get(params.key),
    'store.list': (params) => this.deps.store.list(params.prefix),
    'store.txn': (params) => this.deps.store.txn(params),
  };

  archived(params: EngineParams<'operation.archived'>): Promise<EngineResult<'operation.archived'>> {
    return this.#archive.list(params);
  }

  keptHealth(params: EngineParams<'health.kept'>): Promise<EngineResult<'health.kept'>> {
    return this.#health.list(params);
  }

  takeHealth(entries: readonly HealthTransition[]): void {
    this.#health.append(entries).catch((error: unknown) => this.#logFailure('keeping changes of health', error));
  }

  /** What was told while this node was down or cut off; whoever does not answer now is not waited for longer. */
  async #collectHealth(): Promise<void> {
    const others = this.#archivists().filter((id) => id !== this.deps.self);
    await Promise.all(
      others.map(async (id) => {
        const kept = await this.#world()
          .request(id, 'health.kept', { limit: mostListed }, collectMs)
          .catch(() => []);
        await this.#health.append(kept);
      }),
    );
  }

  /** Only voters lead; a few more are asked, because they may have been voters once. */
  #archivists(): readonly NodeId[] {
    const { config } = this.#state;
    const fresh = (id: NodeId) => {
      const node = this.#state.node(id);
      return node !== undefined && isFresh(node, config.leaseMs);
    };
    const voters = this.deps.store.status().configuration.voters.map((voter) => voter.id);
    const known = this.deps.store.localList(keys.operationArchives).map((entry) => entry.key.split('/')[1]!);
    const others = [...known, ...voters, ...this.#state.nodeIds()].filter((id) => id !== this.deps.self && fresh(id));
    return [this.deps.self, ...new Set(others)].slice(0, maxArchivists);
  }

  #world(): ExecutorWorld {
    const { deps } = this;
    return {
      store: deps.store,
      snapshot: () => this.#state.snapshot(),
      term: () => this.#term,
      loop: deps.loop,
      command: (node, command, params, timeoutMs) => deps.command(node, command, params, timeoutMs),
      request: <M extends EngineMethod>(node: string, method: M, params: EngineParams<M>, timeoutMs: number) =>
        deps.nodeRequest
          ? deps.nodeRequest(node, method, params, timeoutMs)
          : deps.interconnect.request<EngineResult<M>>(node, `engine.${method}`, params, { timeoutMs }),
    };
  }

  // ---------------------------------------------------------------- leadership
  #leadership(leading: boolean, term: number): void {
    if (this.#stopped) return;
    if (!leading) {
      if (this.#leading) this.#events.leaderSteppedDown(this.deps.self, this.#term);
      void this.#stepDown();
      return;
    }
    this.#term = term;
    this.#leading = true;
    this.#log.beginTerm(term);
    this.#events.beginTerm(term);
    this.#state.forgetOldReports();
    this.#memories.clear();
    this.#events.leaderElected(this.deps.self, term);
    this.#cache.forgetProblems();
    // Who is a member already does not join now.
    this.#known.clear();
    for (const id of this.#state.nodeIds()) this.#known.set(id, this.#state.groupOf(id)!);
    this.#cache.touchAll();
    if (!this.#state.hasHeardAll()) {
      const mine = deferred<void>();
      this.#settling = mine;
      this.deps.loop.after(settleMs, () => this.#settling === mine && this.#settle());
    }
    this.#notify(settleMs);
    // Before the others were heard of there is nobody to ask.
    this.#collecting = this.settled()
      .then(() => (this.#leading ? this.#collectHealth() : undefined))
      .catch((error: unknown) => this.#logFailure('collecting health', error));
    this.#resumption.run();
    this.#armLeaseTimer();
  }

  async #stepDown(): Promise<void> {
    this.#leading = false;
    this.#settle();
    this.#leaseTimer?.cancel();
    this.#leaseTimer = null;
    this.#cache.touchAll();
    this.#resumption.forget();
    await this.#executor.stopAll();
  }

  // ---------------------------------------------------------------- automatic failover
  #armLeaseTimer(): void {
    if (!this.#leading || this.#stopped) return;
    let next = servedPollMs;
    for (const name of this.#state.groupNames()) {
      const odd = this.#lookAt(name);
      const left = this.deps.store.leaseRemainingMs(name);
      next = Math.min(next, odd ? leasePollMs : servedPollMs, left !== null && left > 0 ? left + 1 : leasePollMs);
    }
    this.#leaseTimer = this.deps.loop.after(Math.max(5, next), () => this.#armLeaseTimer());
  }

  /** O(1) for a group that is served: the picture is only made when its lease is over or something else is odd, which is the answer. */
  #lookAt(name: GroupName): boolean {
    const record = this.#state.groupRecord(name);
    const left = this.deps.store.leaseRemainingMs(name);
    if (!this.#leading || !record || left === null) return false;
    const memory = this.#memories.of(name);
    if (record.operation !== null) {
      if (left <= 0) this.#executor.primaryLost(name, record.epoch, `The lease of ${record.primary} ran out.`);
      return true;
    }
    if (memory.exit && (memory.exit.epoch !== record.epoch || this.#servesAgain(memory.exit))) memory.exit = null;
    const needsLook = left <= 0 || record.leaseReleased || memory.exit !== null;
    if (!needsLook || this.deps.loop.now() < memory.notBeforeMs) return needsLook;
    const group = this.#state.group(name);
    if (!group) return true;
    const heardAgeMs = record.primary === null ? null : (this.deps.lastHeardMs?.(record.primary) ?? null);
    const decision = decide({ snapshot: this.#state.snapshot(), group, exit: memory.exit, heardAgeMs });
    if (decision.kind === 'fail-over') {
      memory.waiting = null;
      // One attempt at a time: until the journal answers, the record does not show the operation yet.
      memory.notBeforeMs = this.deps.loop.now() + 2_000;
      this.#beginAutomatic(name, decision);
    } else if (decision.kind === 'wait' && memory.waiting !== decision.why) {
      memory.waiting = decision.why;
      this.deps.logger.warn({ group: name }, decision.why);
      this.#cache.touchGroup(name);
    }
    return true;
  }

  /** The agent brought PostgreSQL back in place after all, because nobody could take over. Both times are of that node's own clock. */
  #servesAgain(exit: ExitNotice): boolean {
    const report = this.#state.node(exit.node)?.report;
    return report?.postgres.state === 'primary' && Date.parse(report.at) > Date.parse(exit.at);
  }

  #beginAutomatic(name: GroupName, decision: { request: OperationRequest; plan: Plan }): void {
    const memory = this.#memories.of(name);
    const nowMs = this.deps.loop.wallMs();
    const operation: Operation = {
      id: newOperationId(nowMs, () => this.deps.loop.random()),
      kind: decision.request.kind,
      request: decision.request,
      state: 'running',
      requestedBy: 'controller',
      reason: null,
      requestId: null,
      createdAt: new Date(nowMs).toISOString(),
      finishedAt: null,
      scheduledAt: null,
      timeline: [],
      summary: [],
      result: null,
      error: null,
      oldPrimary: this.#state.groupRecord(name)?.primary ?? null,
      ...planFields(decision.plan, decision.request),
    };
    this.deps.logger.warn(
      { operation: operation.id, group: name, request: decision.request },
      'automatic change of primary',
    );
    this.#executor.begin(operation).catch((error: unknown) => {
      memory.notBeforeMs = this.deps.loop.now() + retryAfterMs(++memory.failures);
      this.#logFailure('automatic failover', error);
    });
  }

  #operationFinished(operation: Operation): void {
    this.#events.operationFinished(operation);
    if (operation.group === null) return;
    const memory = this.#memories.of(operation.group);
    const automatic = operation.request.kind === 'failover' && operation.request.automatic !== undefined;
    const good = operation.state === 'succeeded';
    // An automatic attempt that failed applied nothing: who fails over by hand then is told at once what is missing.
    if (good || !automatic) this.#settlingChanges.note(operation.group);
    memory.failures = good ? 0 : automatic ? memory.failures + 1 : memory.failures;
    memory.notBeforeMs = good || !automatic ? 0 : this.deps.loop.now() + retryAfterMs(memory.failures);
    this.#cache.touchGroup(operation.group);
    this.#lookAt(operation.group);
  }

  // ---------------------------------------------------------------- picture
  #recordsChanged(changed: { nodes: readonly string[]; groups: readonly GroupName[]; all: boolean }): void {
    if (changed.all) this.#cache.touchAll();
    for (const name of changed.groups) this.#cache.touchGroup(name);
    if (this.#leading) {
      for (const id of changed.nodes) this.#membership(id);
      for (const name of changed.groups) this.#lookAt(name);
    }
    this.#notify();
  }

  /** The group of each node that joined, also to tell of one that left. */
  readonly #known = new Map<NodeId, GroupName>();

  #membership(id: string): void {
    const group = this.#state.groupOf(id);
    const before = this.#known.get(id);
    if (group === null && before !== undefined) {
      this.#known.delete(id);
      this.#slots.forget(id);
      this.#events.nodeLeft(id, before);
    } else if (group !== null && before === undefined) {
      this.#known.set(id, group);
      this.#events.nodeJoined(id, group);
    }
  }

  #analyse(): void {
    // Silence changes nothing that could mark a node, so its group is looked at when its age crosses the lease.
    for (const id of this.#state.crossedSilence()) this.#cache.touchNode(id);
    if (!this.#cache.dirty || this.#settling !== null || this.#isOnlooker()) return;
    const change = this.#cache.refresh();
    if (this.#leading) {
      this.#events.viewChanged(change);
      this.#replicationErrors.begun(change.begun);
      const { sentence } = this.#cache.view();
      if (plain(sentence) !== plain(this.#sentence))
        this.deps.logger.info({ revision: this.#cache.revision }, sentence);
      this.#sentence = sentence;
    }
    this.#notify(0);
  }

  /** Only while somebody listens; what moved meanwhile is told with the next look. */
  #tellPositions(): void {
    if (!this.#leading || this.#settling !== null || !this.#log.listened) return;
    const groups = [...this.#state.groupNames()].flatMap((name) => this.#state.group(name) ?? []);
    for (const event of this.#positions.look(groups, this.#state.config.leaseMs)) this.#log.pass(event);
  }

  #notify(delayMs = notificationIntervalMs): void {
    if (this.#notifyTimer || this.#stopped) return;
    this.#notifyTimer = this.deps.loop.after(delayMs, () => {
      this.#notifyTimer = null;
      if (this.#cache.dirty) this.#analyse();
      for (const callback of this.#viewCallbacks) callback();
    });
  }

  // ---------------------------------------------------------------- housekeeping
  #housekeeping(): void {
    // How long a node is silent is shown, so its view moves on; without a leader this node's view is what people see.
    for (const id of this.#state.silentNodes()) this.#cache.touchNode(id);
    if (!this.#leading) return;
    this.#resumption.run();
    this.#service.runDue().catch((error: unknown) => this.#logFailure('scheduled operations', error));
    this.#level.run().catch((error: unknown) => this.#logFailure('raising the level', error));
    this.#janitor.run().catch((error: unknown) => this.#logFailure('housekeeping', error));
  }

  #every(ms: number, job: () => void): void {
    this.#timers.add(
      every(this.deps.loop, ms, () => {
        try {
          job();
        } catch (error) {
          this.#logFailure('cycle', error);
        }
      }),
    );
  }

  #logFailure(what: string, error: unknown): void {
    const level = isClusterError(error) && error.retryable ? 'warn' : 'error';
    this.deps.logger[level]({ error: messageOf(error) }, `${what} failed`);
  }
}

type LeaderTable = { readonly [M in LeaderMethod]: (params: EngineParams<M>) => Promise<EngineResult<M>> };

/** Without numbers: a sentence whose age moved is not a new sentence. */
function plain(sentence: string): string {
  return sentence.replace(/[0-9.]+/g, '#');
}
