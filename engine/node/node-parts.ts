/**
 * One node's agent, put together: lease, reconcile loop, duties of the primary, reports, commands, the engine's door and (while it leads the store)
 * the controller, over a control store, an interconnect, a PostgreSQL, a disk and a loop that come from outside. The parts hold the protocol; this
 * file only wires and starts them in order. The process (`agent.ts`) and the simulator run exactly this.
 */
import { join } from 'node:path';
import type { AgentCommand, AgentCommands, ExitNotice } from '../cluster/commands';
import { Controller } from '../cluster/controller';
import { type GroupRecord, keys, type NodeRecord, type NodeReport, type PostgresReport } from '../cluster/model';
import type { EmbeddedControlStore, RaftConfiguration } from '../control/store';
import type { Interconnect } from '../interconnect/api';
import type { FaultDoor } from '../interconnect/fault-door';
import { SerialQueue } from '../kernel/async';
import { ClusterError, messageOf } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Loop, Timer } from '../kernel/loop';
import { lagBytes } from '../kernel/lsn';
import type { SmallFiles } from '../kernel/small-files';
import { every, isoTime } from '../kernel/waiting';
import type { HealthTransition } from '../monitoring/model';
import type { PostgresServer } from '../postgres/api';
import type { SlotNotice } from '../replication/model';
import type { AgentConfig } from '../runtime/process-config';
import type { AgentArea, MakeArea } from './area';
import { CommandHandlers } from './command-handlers';
import { observedCommand } from './command-trace';
import { membersSeen } from './core/probe-documents';
import type { ProbeFacts } from './core/probe-facts';
import { isReportDue, lookEveryMs, quietReportMs, reportMs, type SentReport } from './core/report-pace';
import { CrashWatch } from './crash-watch';
import { DurableState } from './durable-state';
import { EarlierLife } from './earlier-life';
import { EngineDoor } from './engine-door';
import { GroupSettings } from './group-settings';
import { LeaseHolder } from './lease-holder';
import { LeaseLength } from './lease-length';
import { LevelWatch } from './level-watch';
import { MemberLoop } from './member-loop';
import { NewDisk } from './new-disk';
import { clusterConfig, groupFact, type NodeContext, nodeRecord, otherMembers, type WalDoor } from './node-context';
import {
  membersSeenMethod,
  primaryFactsMethod,
  replayStandsMessage,
  servingMessage,
  type TakeEpoch,
  takeEpochMethod,
} from './peer-questions';
import { PrimaryDuties } from './primary-duties';
import { primaryFacts } from './primary-facts';
import { probedFacts } from './probed-facts';
import { Registration } from './registration';
import { ReportCache } from './report-cache';
import { Reporter } from './reporter';
import type { Resources } from './resource-sampler';
import { RestartHold } from './restart-hold';
import { RouteTable } from './route-table';
import { seedCluster } from './seeding';
import { primaryOf, SeenByPrimary } from './seen-by-primary';
import { SlotWatch, slotNoticeMethod } from './slot-watch';
import { StandbyDuties } from './standby-duties';
import { checkpointForMethod, StandbyStop } from './standby-stop';
import { StepDown } from './step-down';
import { Successors } from './successors';
import { TimingChange } from './timing-change';
import { sampleOf, WalRate } from './wal-rate';

export const resourceMs = 5_000;
/** Up to this many peers hear each other's reports while nobody leads; in a larger cluster the voters do. */
const smallCluster = 32;

/** What an agent works with; nothing of it is made in here. */
export type NodeMeans = {
  readonly config: AgentConfig;
  readonly logger: Logger;
  readonly loop: Loop;
  readonly files: SmallFiles;
  readonly store: EmbeddedControlStore;
  readonly interconnect: Interconnect;
  readonly postgres: PostgresServer;
  readonly walSource: WalDoor;
  readonly resources: Resources;
  /** This process must not go on. */
  readonly onFatal: (error: Error) => void;
  readonly faults: Pick<FaultDoor, 'faults' | 'set'>;
  readonly areas?: readonly MakeArea[];
};

export class NodeParts {
  readonly #config: AgentConfig;
  readonly #logger: Logger;
  readonly #loopOfTime: Loop;
  readonly #interconnect: Interconnect;
  readonly #store: EmbeddedControlStore;
  readonly #context: NodeContext;
  readonly #lease: LeaseHolder;
  readonly #loop: MemberLoop;
  readonly #duties: PrimaryDuties;
  readonly #standbyDuties: StandbyDuties;
  readonly #successors: Successors;
  readonly #stepDown: StepDown;
  readonly standbyStop: StandbyStop;
  readonly #length: LeaseLength;
  readonly #timings: TimingChange;
  readonly #settings: GroupSettings;
  readonly #routes: RouteTable;
  readonly #resources: Resources;
  readonly #walRate = new WalRate();
  readonly #reporter: Reporter;
  readonly #commands: CommandHandlers;
  readonly #controller: Controller;
  readonly #registration: Registration;
  readonly #crashes: CrashWatch;
  readonly #slotWatch: SlotWatch;
  readonly #level: LevelWatch;
  readonly #seenByPrimary: SeenByPrimary;
  readonly #areas: readonly AgentArea[];
  #timers: Timer[] = [];
  #cycling = false;
  #cycledAtMs = Number.NEGATIVE_INFINITY;
  #turnedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** The control store has read what is on disk; messages may come before. */
  #started = false;
  #loggedDutyFailure = '';
  #sent: SentReport = { urgent: '', progress: '', atMs: 0 };

  constructor(means: NodeMeans) {
    const { config, logger, loop, files, store, interconnect, postgres, walSource } = means;
    this.#config = config;
    this.#logger = logger;
    this.#loopOfTime = loop;
    this.#interconnect = interconnect;
    this.#store = store;
    this.#resources = means.resources;
    this.#context = {
      loop,
      files,
      config,
      logger,
      store,
      interconnect,
      postgres,
      reports: new ReportCache(postgres, loop),
      walSource,
      durable: new DurableState(config.nodeDirectory, files),
      serverQueue: new SerialQueue('PostgreSQL of this node', 100),
    };
    const context = this.#context;
    this.#lease = new LeaseHolder({
      context,
      leaseMs: config.seed?.leaseMs ?? 2000,
      onMayStart: () => this.#loop.trigger(),
      unconfirmedSet: () => this.#duties.unconfirmedSet,
      onRouteChange: () => this.#routes.changed(),
    });
    const earlierLife = new EarlierLife(context);
    const newDisk = new NewDisk(context);
    this.#duties = new PrimaryDuties(context, this.#lease, earlierLife);
    this.#successors = new Successors(context, this.#duties);
    this.#stepDown = new StepDown(context, this.#lease);
    this.standbyStop = new StandbyStop(context);
    this.#length = new LeaseLength(context, this.#lease);
    this.#timings = new TimingChange(context.loop, (timings) => this.#store.setTimings(timings));
    this.#standbyDuties = new StandbyDuties(context, () => this.#loop.followedEpoch);
    this.#settings = new GroupSettings(context);
    this.#loop = new MemberLoop({
      context,
      lease: this.#lease,
      successors: this.#successors,
      standbyStop: this.standbyStop,
      earlierLife,
      newDisk,
      lengthToResume: (record) => this.#length.lengthToResume(record),
      onServing: () => void this.#cycle(),
      onRouteChange: () => this.#routes.changed(),
      takeEpoch: (epoch) => this.#commands.takeEpoch(epoch),
      takeBack: () => this.#commands.takeBack(),
      settingsForStart: () => this.#settings.forStart(),
    });
    this.#commands = new CommandHandlers({
      context,
      lease: this.#lease,
      earlierLife,
      hold: new RestartHold(context),
      newDisk,
      loop: this.#loop,
      duties: this.#duties,
      stepDown: this.#stepDown,
      standbyStop: this.standbyStop,
      onPromoted: (epoch) => {
        this.#routes.serves(epoch);
        // They look again by themselves, but commits wait for one of them from now on.
        for (const member of otherMembers(this.#context)) this.#interconnect.send(member, servingMessage, { epoch });
      },
      onRouteChange: () => this.#routes.changed(),
      onSlotsChanged: () => this.#slotWatch.look(),
      letSlotCopiesGo: () => this.#standbyDuties.letGo(),
    });
    this.#slotWatch = new SlotWatch(context, (notice, timeoutMs) => this.#tellSlots(notice, timeoutMs));
    this.#routes = new RouteTable({
      context,
      lease: this.#lease,
      draining: () => this.#commands.draining,
      report: () => context.reports.last,
      lagBytes: () => {
        const report = context.reports.last;
        return report ? lagBytes(report.receiveLsn, report.replayLsn) : null;
      },
    });
    this.#reporter = new Reporter(
      context,
      this.#lease,
      this.#loop,
      this.#resources,
      () => this.#registration.reportedPeers,
      () => this.#level.sealedLevel,
      (state) => (state === 'standby' ? this.#standbyDuties.slotsKept : []),
      () => this.#duties.troubles,
    );
    this.#controller = new Controller({
      self: config.nodeId,
      loop,
      files,
      store,
      interconnect,
      logger,
      archiveDirectory: join(config.nodeDirectory, 'archive'),
      shareHealth: (entries) => this.#shareHealth(entries),
      lastHeardMs: (node) => this.#interconnect.linkStatus(new Set([node]))[0]?.lastHeardMs ?? null,
      command: (node, command, params, timeoutMs) => this.#command(node, command, params, timeoutMs),
    });
    this.#registration = new Registration(context);
    this.#seenByPrimary = new SeenByPrimary(context, () => primaryOf(context));
    this.#level = new LevelWatch(context, means.onFatal);
    this.#crashes = new CrashWatch({
      context,
      lease: this.#lease,
      loop: this.#loop,
      successors: this.#successors,
      notify: (notice) => this.#notify(notice),
    });
    const serving = () => this.#lease.servedEpoch;
    this.#areas = (means.areas ?? []).map((make) =>
      make({ config, logger, loop, store, interconnect, postgres, serving }),
    );
    new EngineDoor({
      context,
      areas: this.#areas,
      controller: this.#controller,
      routes: this.#routes,
      resources: this.#resources,
      faults: means.faults,
    });
    this.#serve();
  }

  /** Before the interconnect listens: who to connect to. */
  setSeedPeers(): void {
    this.#registration.setSeedPeers();
  }

  /** The control store has read what is on disk and the interconnect listens. */
  async begin(): Promise<void> {
    this.#level.start();
    this.#started = true;
    await this.#adopt();
    this.#watchRecords();
    this.#controller.start();
    this.#registration.start();
    this.#loop.start();
    this.#slotWatch.start();
    for (const area of this.#areas) area.start();
    this.#timers.push(every(this.#loopOfTime, reportMs, () => this.#tick()));
    this.#timers.push(every(this.#loopOfTime, resourceMs, () => void this.#sampleResources()));
  }

  /** For load balancers, at the moment of asking. */
  probeFacts(): ProbeFacts {
    const known = { turnedAtMs: this.#turnedAtMs, seenByPrimary: this.#seenByPrimary.members };
    return probedFacts(this.#context, this.#routes, known);
  }

  /** Before `/cluster` is answered. */
  askPrimary(): Promise<void> {
    return this.#seenByPrimary.refresh();
  }

  /** Nothing more is begun. The lease is renewed on, until `end`: PostgreSQL is yet to be stopped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#commands.stopping();
    for (const timer of this.#timers) timer.cancel();
    this.#loop.stop();
    this.#slotWatch.stop();
    this.#crashes.stop();
    this.#registration.stop();
    this.#level.stop();
    this.#timings.stop();
    await Promise.all(this.#areas.map((area) => area.stop()));
    await this.#controller.stop();
  }

  /** The group's primary is on this host: whoever stops all of it stops that one as well. */
  get primaryIsHere(): boolean {
    const primary = groupFact(this.#context)?.record.primary;
    const record = primary ? nodeRecord(this.#context, primary) : null;
    return record !== null && record.host === this.#config.host;
  }

  /**
   * The primary's planned stop, where another member takes over by itself: PostgreSQL stops in order, then the lease goes back, so that the failover begins
   * at once and not at the lease's end. `withHost`: the other nodes of this host stop as well. False: not this node's case; the server is not touched.
   */
  async handOver(timeoutMs: number, withHost: boolean): Promise<boolean> {
    const { epoch } = this.#lease;
    const stays = ({ host }: NodeRecord) => !withHost || host !== this.#config.host;
    if (epoch === null || !this.#lease.serving || !this.#successors.possible(stays)) return false;
    await this.#stepDown.stop(epoch, timeoutMs);
    await this.#stepDown.release(epoch);
    this.#logger.info({ epoch }, 'gave the lease back: another member takes over');
    return true;
  }

  /** PostgreSQL is stopped. */
  end(): void {
    this.#lease.stop();
  }

  /** A server that outlived the last agent goes on; whether it may serve is up to its guardian's deadline until the store confirms. */
  async #adopt(): Promise<void> {
    const adopted = await this.#context.postgres.adopt();
    if (!adopted) return;
    // It streams from wherever an earlier life of this agent let it: until this one has looked, from nobody.
    this.#context.walSource.setUpstream(null);
    const report = await this.#context.postgres.report();
    this.#logger.info({ postmasterPid: adopted.postmasterPid, state: report.state }, 'adopted the running PostgreSQL');
    const record = groupFact(this.#context)?.record;
    const epoch = record?.epoch ?? this.#context.durable.current.lastHeldEpoch;
    if (report.state !== 'standby' && report.state !== 'absent' && report.state !== 'stopped' && epoch > 0) {
      this.#lease.input({
        kind: 'resumed',
        epoch: Math.max(epoch, this.#context.durable.current.lastHeldEpoch),
        serving: true,
        leaseMs: record ? this.#length.lengthToResume(record) : this.#context.durable.current.countedLeaseMs,
      });
      this.#lease.wake();
    }
  }

  #watchRecords(): void {
    const { store } = this.#context;
    store.watch(keys.group(this.#config.group), () => {
      const fact = groupFact(this.#context);
      if (fact) this.#groupChanged(fact.record);
    });
    store.watch(keys.nodes, () => {
      this.#registration.setPeers();
      this.#loop.trigger();
    });
    store.watch(keys.config, () => this.#applyTimings());
    store.onLeadership((leading) => {
      if (leading && this.#config.seed) void this.#seed();
      // Nobody has told the new leader anything yet; without asking, a healthy cluster would look dead until the next reports.
      if (leading) for (const peer of this.#interconnect.peers()) this.#interconnect.send(peer, 'agent.report-due', {});
    });
    this.#registration.setPeers();
    this.#applyTimings();
  }

  #groupChanged(record: GroupRecord): void {
    const held = this.#lease.epoch;
    if (held !== null && (record.epoch > held || (record.epoch === held && record.primary !== this.#config.nodeId))) {
      this.#lease.input({ kind: 'superseded', epoch: record.epoch });
    }
    this.#routes.changed();
    this.#loop.trigger();
  }

  #applyTimings(): void {
    const config = clusterConfig(this.#context);
    if (!config) return;
    this.#timings.configured({
      heartbeatMs: config.heartbeatIntervalMs,
      electionMs: config.electionTimeoutMs,
      leaseMs: config.leaseMs,
    });
    if (this.#lease.epoch === null) this.#lease.input({ kind: 'use-length', leaseMs: config.leaseMs });
  }

  async #seed(): Promise<void> {
    if (!this.#config.seed) return;
    try {
      const written = await seedCluster(
        this.#store,
        this.#config.clusterId,
        this.#config.seed,
        isoTime(this.#loopOfTime),
      );
      if (written) this.#logger.info('wrote the first records of the cluster');
    } catch (error) {
      this.#logger.warn(
        { error: messageOf(error) },
        'the first records could not be written, the next leader tries again',
      );
    }
  }

  /** Ticks come a little early or late: half of one is near enough. */
  #tick(): void {
    this.#turnedAtMs = this.#loopOfTime.now();
    if (this.#loopOfTime.now() - this.#cycledAtMs >= this.#lookEveryMs() - reportMs / 2) void this.#cycle();
    else this.#tellNews();
  }

  /** One look at PostgreSQL, what follows from it, and the report. Never two at a time: a hanging server delays only itself. */
  async #cycle(): Promise<void> {
    if (this.#cycling || this.#stopped) return;
    this.#cycling = true;
    this.#cycledAtMs = this.#loopOfTime.now();
    try {
      const report = await this.#context.reports.current(this.#lookEveryMs() - reportMs / 2);
      if (report === null) return;
      this.#noteServing(report);
      this.#deliver(this.#reporter.make(report, this.#loopOfTime.now()));
      if (report.state === 'primary') await this.#length.cycle();
      if (report.state === 'primary') await this.#duties.cycle(report, this.#loopOfTime.now(), this.#commands.draining);
      if (report.state === 'standby') await this.#standbyDuties.cycle(report, this.#loopOfTime.now());
      if (report.state === 'primary' || report.state === 'standby') await this.#settings.cycle();
      this.#loggedDutyFailure = '';
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#loggedDutyFailure)
        this.#logger.warn({ error: message }, 'a regular duty failed, trying again');
      this.#loggedDutyFailure = message;
    } finally {
      this.#cycling = false;
    }
  }

  #noteServing(report: PostgresReport): void {
    const epoch = this.#lease.epoch;
    const serves = report.state === 'primary' && epoch !== null && this.#lease.holds(epoch);
    if (serves) this.#routes.servesIfNew(epoch);
    else if (report.state !== 'primary') this.#routes.stopsServing();
  }

  #lookEveryMs(): number {
    const { last, moves } = this.#context.reports;
    return lookEveryMs({
      state: last?.state ?? null,
      busy: last !== null && (last.transactionsPerSecond >= 20 || last.waitingCommits > 0),
      moves,
      settled: this.#loop.activity === null && this.#duties.settled,
    });
  }

  /** Between two looks: what somebody may act on and the agent itself knows goes out at once all the same. */
  #tellNews(): void {
    const { last } = this.#context.reports;
    if (!this.#stopped && last !== null && this.#urgent(last) !== this.#sent.urgent)
      this.#deliver(this.#reporter.make(last, this.#loopOfTime.now()));
  }

  #urgent({ state, waitingCommits, senders }: PostgresReport): string {
    const { epoch } = this.#lease;
    const held = epoch === null ? undefined : this.#lease.holds(epoch);
    const { activity, troubles } = this.#loop;
    return `${this.#store.status().leader} ${state} ${waitingCommits > 0} ${senders.length} ${this.#context.durable.current.promisedEpoch} ${held} ${epoch} ${activity} ${troubles.join()}`;
  }

  #deliver(report: NodeReport): void {
    const { leader, configuration } = this.#store.status();
    this.#registration.setConfiguration(configuration);
    const urgent = this.#urgent(report.postgres);
    const progress = `${report.postgres.lsn} ${report.postgres.waitingCommits}`;
    const atMs = this.#loopOfTime.now();
    if (!isReportDue(this.#sent, { urgent, progress }, atMs, this.#store.localList(keys.nodes).length)) return;
    this.#sent = { urgent, progress, atMs };
    if (leader === this.#config.nodeId) this.#controller.ingest(report);
    else if (leader !== null) this.#interconnect.send(leader, 'agent.report', report);
    else this.#deliverWithoutLeader(report, configuration);
  }

  /**
   * A node that is not (yet) a member of the store does not know the leader, but any member does: one peer at a time, the next one each time. A member
   * that knows no leader has none: then whoever still runs shows the cluster from what it hears, so each hears of every other.
   */
  #deliverWithoutLeader(report: NodeReport, { voters, learners }: RaftConfiguration): void {
    this.#controller.ingest(report);
    const peers = this.#interconnect.peers();
    const next = peers[report.sequence % Math.max(1, peers.length)];
    const isMember = [...voters, ...learners].some((member) => member.id === this.#config.nodeId);
    const hearers = peers.length <= smallCluster ? peers : peers.filter((peer) => voters.some(({ id }) => id === peer));
    for (const peer of isMember ? hearers : []) this.#interconnect.send(peer, 'agent.report', report);
    if (next !== undefined && !(isMember && hearers.includes(next)))
      this.#interconnect.send(next, 'agent.report', report);
  }

  async #reportTo(leader: NodeId | null): Promise<void> {
    if (!this.#started || this.#stopped || leader === null) return;
    try {
      const postgres = await this.#context.reports.get(quietReportMs);
      this.#interconnect.send(leader, 'agent.report', this.#reporter.make(postgres, this.#loopOfTime.now()));
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'no report for the new leader yet; the next cycle sends one');
    }
  }

  #reportArrived(report: NodeReport, from: NodeId | null): void {
    if (!this.#started) return;
    // Thousands arrive each second, and the status lists every member.
    const leader = this.#store.isLeader() ? this.#config.nodeId : this.#store.status().leader;
    if (leader === this.#config.nodeId || leader === null) this.#controller.ingest(report);
    // Handed on once only: what was handed on already does not come from the node that it tells of.
    else if (leader !== null && from === report.node) this.#interconnect.send(leader, 'agent.report', report);
  }

  #notify(notice: ExitNotice): void {
    const leader = this.#store.status().leader;
    if (leader === this.#config.nodeId) this.#controller.exitNotice(notice);
    else if (leader !== null) this.#interconnect.send(leader, 'agent.exit', notice);
  }

  /** Who may show or lead next keeps a copy: in a small cluster every node, in a larger one the voters. */
  #shareHealth(entries: readonly HealthTransition[]): void {
    const { voters } = this.#store.status().configuration;
    const peers = this.#interconnect.peers();
    const keepers = peers.length <= smallCluster ? peers : peers.filter((peer) => voters.some(({ id }) => id === peer));
    for (const peer of keepers) this.#interconnect.send(peer, 'agent.health', entries);
  }

  async #tellSlots(notice: SlotNotice, timeoutMs: number): Promise<void> {
    const { leader } = this.#store.status();
    if (leader === null) throw new ClusterError('UNAVAILABLE', 'The control store has no leader right now.');
    if (leader === this.#config.nodeId) this.#controller.slotNotice(notice);
    else await this.#interconnect.request(leader, slotNoticeMethod, notice, { timeoutMs });
  }

  async #sampleResources(): Promise<void> {
    this.#level.retry();
    await this.#resources.sample(this.#loopOfTime.now()).catch((error: unknown) => {
      this.#logger.debug({ error: messageOf(error) }, 'resources not sampled');
    });
    this.#resources.record(sampleOf(this.#context.reports.last, this.#walRate, this.#loopOfTime));
  }

  #serve(): void {
    const interconnect = this.#interconnect;
    interconnect.onMessage('agent.report', (payload, from) => this.#reportArrived(payload as NodeReport, from.nodeId));
    interconnect.onMessage('agent.report-due', (_payload, from) => void this.#reportTo(from.nodeId));
    interconnect.onMessage('agent.health', (payload, from) => {
      if (this.#started && from.kind === 'node') this.#controller.takeHealth(payload as readonly HealthTransition[]);
    });
    interconnect.onMessage(servingMessage, (_payload, from) => {
      if (this.#started && from.kind === 'node') this.#loop.trigger();
    });
    interconnect.onMessage(replayStandsMessage, (_payload, from) => {
      if (this.#started && from.nodeId) this.#duties.replayStands(from.nodeId);
    });
    interconnect.onMessage('agent.exit', (payload) => this.#controller.exitNotice(payload as ExitNotice));
    interconnect.onRequest(slotNoticeMethod, (payload, from) => {
      if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'Notices come from nodes only.');
      this.#controller.slotNotice(payload as SlotNotice);
      return {};
    });
    for (const [command, handler] of Object.entries(this.#commands.handlers)) {
      interconnect.onRequest(command, (payload, from) => {
        if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'Commands come from nodes only.');
        return observedCommand(command as AgentCommand, payload, {
          node: this.#config.nodeId,
          logger: this.#logger,
          loop: this.#loopOfTime,
          obey: () => (handler as (params: unknown) => Promise<unknown>)(payload),
        });
      });
    }
    interconnect.onRequest(membersSeenMethod, () => membersSeen(this.probeFacts()));
    interconnect.onRequest(primaryFactsMethod, () => primaryFacts(this.#context, this.#lease));
    interconnect.onRequest(checkpointForMethod, (_payload, from) => {
      if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'Checkpoints are asked for by nodes only.');
      return this.standbyStop.checkpointFor();
    });
    interconnect.onRequest(takeEpochMethod, async (payload) => {
      await this.#commands.takeEpoch((payload as TakeEpoch).epoch);
      return {};
    });
  }

  #command<C extends AgentCommand>(
    node: NodeId,
    command: C,
    params: AgentCommands[C]['params'],
    timeoutMs: number,
  ): Promise<AgentCommands[C]['result']> {
    return this.#interconnect.request<AgentCommands[C]['result']>(node, command, params, { timeoutMs });
  }
}
