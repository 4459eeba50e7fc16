/**
 * Agents without processes: they obey the controller's commands over an in-memory store, write rows, replicate, promise, promote and rejoin like real
 * ones, so that operations can be tested with controllers killed anywhere. The checker asks whether a row that was acknowledged is on the primary.
 */
import { join } from 'node:path';
import pino from 'pino';
import type { AgentCommand, AgentCommands } from '../cluster/commands';
import { Controller } from '../cluster/controller';
import { defaultConfig } from '../cluster/core/default-config';
import {
  type ClusterConfig,
  type GroupRecord,
  keys,
  type NodeRecord,
  type NodeReport,
  type PostgresState,
} from '../cluster/model';
import type { Json } from '../control/store';
import type { Interconnect } from '../interconnect/api';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { systemLoop } from '../kernel/loop';
import { formatLsn } from '../kernel/lsn';
import { systemFiles } from '../kernel/small-files';
import type { SlotInfo } from '../replication/model';
import type { EngineMethod, EngineParams, EngineResult, RouteAnswer } from '../runtime/engine-api';
import { MemoryStore, type MemoryStoreMember } from './memory-store';

export const groupName = 'alpha';
const rowBytes = 256n;
const simulatedSettings = [
  { name: 'work_mem', context: 'user' },
  { name: 'jit', context: 'user' },
  { name: 'shared_buffers', context: 'postmaster' },
  { name: 'shared_preload_libraries', context: 'postmaster' },
  { name: 'max_connections', context: 'postmaster' },
  { name: 'block_size', context: 'internal' },
];

const simulatedSlotLimits = {
  walLevel: 'logical',
  slotLimit: 32,
  walKeepBytes: 4_294_967_296,
  databases: ['app', 'postgres'],
} as const;
const idleSlot = {
  temporary: false,
  active: false,
  activePid: null,
  restartLsn: '0/1000000',
  confirmedFlushLsn: null,
  walStatus: 'reserved',
  safeWalBytes: null,
  retainedBytes: 0,
  catalogXmin: null,
  inactiveSince: null,
  invalidationReason: null,
  synced: false,
} as const;

export type SimulatedNode = {
  readonly id: NodeId;
  /** The agent answers. */
  alive: boolean;
  postgres: PostgresState;
  timeline: number;
  rows: number[];
  promisedEpoch: number;
  controllerTerm: number;
  draining: boolean;
  sequence: number;
  slots: SlotInfo[];
  /** As its server has them in its file, and as it runs with them since its last start. */
  settings: Record<string, string>;
  runs: Record<string, string>;
  /** Commands it refuses, for tests of recovery. */
  failing: Set<AgentCommand>;
};

export type WorldOptions = {
  readonly nodes?: number;
  readonly record?: Partial<GroupRecord>;
  readonly config?: Partial<ClusterConfig>;
  /** Each controller archives into its own directory below this one, as nodes do. */
  readonly archiveDirectory: string;
};

export class SimulatedWorld {
  readonly store = new MemoryStore();
  readonly nodes = new Map<NodeId, SimulatedNode>();
  readonly controllers = new Map<NodeId, { controller: Controller; member: MemoryStoreMember }>();
  readonly acknowledged = new Set<number>();
  /** What PostgreSQL of every member says of settings that are tried. */
  refusedSettings: string | null = null;
  /** `<node> <shared_buffers>` with which a server does not start. */
  readonly refusedAtStart = new Set<string>();
  readonly commands: string[] = [];
  /** Commands whose effect waits for this. */
  readonly held = new Map<AgentCommand, Promise<void>>();
  writing = true;
  #row = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(private readonly options: WorldOptions) {
    const ids = Array.from({ length: options.nodes ?? 3 }, (_, index) => `node-${index + 1}`);
    const config: ClusterConfig = { ...defaultConfig, leaseMs: 400, drainMs: 20, ...options.config };
    this.store.leaseMs = config.leaseMs;
    this.store.put(keys.cluster, { clusterId: 'test', createdAt: new Date(0).toISOString() });
    this.store.put(keys.config, config);
    for (const id of ids) this.addNode(id);
    this.store.put(keys.group(groupName), {
      name: groupName,
      mode: 'semi_synchronous',
      epoch: 1,
      primary: 'node-1',
      leaseReleased: false,
      voterSet: { members: ids.slice(1), k: 1 },
      promotable: 'voters',
      onNoStandby: 'degrade',
      failoverWait: 'promise',
      automaticFailover: true,
      automaticFailoverPausedBy: null,
      timeline: 1,
      timelineHistory: [],
      operation: null,
      settings: {},
      createdAt: new Date(0).toISOString(),
      ...options.record,
    } satisfies GroupRecord);
    this.node('node-1').postgres = 'primary';
    this.store.leases.set(groupName, {
      epoch: 1,
      holder: 'node-1',
      untilMs: performance.now() + config.leaseMs,
      released: false,
    });
    this.store.configuration = { voters: ids.slice(0, 5).map((id) => ({ id, incarnation: `i-${id}` })), learners: [] };
  }

  addNode(id: NodeId): void {
    const record: NodeRecord = {
      id,
      group: groupName,
      region: 'r1',
      host: '127.0.0.1',
      agentPort: 1,
      postgresPort: 2,
      incarnation: `i-${id}`,
      wanted: 'running',
      maintenance: false,
      priority: 100,
      createdAt: new Date(0).toISOString(),
    };
    this.store.put(keys.node(id), record);
    this.boot(id);
  }

  /** An agent process for a record that exists already. */
  boot(id: NodeId): void {
    const node: SimulatedNode = {
      id,
      alive: true,
      postgres: 'standby',
      timeline: 1,
      rows: [],
      promisedEpoch: 0,
      controllerTerm: 0,
      draining: false,
      sequence: 0,
      slots: [],
      settings: {},
      runs: {},
      failing: new Set(),
    };
    this.nodes.set(id, node);
  }

  node(id: NodeId): SimulatedNode {
    const node = this.nodes.get(id);
    if (!node) throw new Error(`no node ${id}`);
    return node;
  }

  get record(): GroupRecord {
    return this.store.value<GroupRecord>(keys.group(groupName));
  }

  start(): void {
    for (const id of this.nodes.keys()) {
      const member = this.store.as(id);
      const controller = new Controller({
        loop: systemLoop,
        files: systemFiles,
        self: id,
        store: member,
        interconnect: {} as Interconnect,
        logger: pino({ level: 'silent' }),
        archiveDirectory: join(this.options.archiveDirectory, id),
        command: (node, command, params) => this.command(node, command, params),
        shareHealth: (entries) => {
          for (const [other, { controller }] of this.controllers)
            if (other !== id && this.nodes.get(other)?.alive) controller.takeHealth(entries);
        },
        nodeRequest: <M extends EngineMethod>(node: NodeId, method: M, params: EngineParams<M>) =>
          this.#request(node, method, params),
      });
      this.controllers.set(id, { controller, member });
      controller.start();
    }
    this.#timers.push(setInterval(() => this.#tick(), 5));
    this.store.lead([...this.nodes.keys()].at(-1)!);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { controller, member } of this.controllers.values()) {
      member.dead = true;
      await controller.stop();
    }
  }

  get leader(): Controller {
    return this.controllers.get(this.store.leader!)!.controller;
  }

  /** The controller's process dies this instant: nothing of it happens any more. */
  killController(id: NodeId): void {
    const entry = this.controllers.get(id)!;
    entry.member.dead = true;
  }

  #tick(): void {
    this.#replicate();
    const leader = this.store.leader === null ? undefined : this.controllers.get(this.store.leader);
    const lease = this.store.leases.get(groupName);
    for (const node of this.nodes.values()) {
      if (!node.alive) continue;
      this.#reconcile(node);
      if (
        lease?.holder === node.id &&
        !lease.released &&
        this.record.epoch === lease.epoch &&
        node.postgres === 'primary'
      ) {
        lease.untilMs = Math.max(lease.untilMs, this.store.now() + this.store.leaseMs);
      }
      leader?.controller.ingest(this.report(node));
    }
  }

  #follows(node: SimulatedNode): boolean {
    return node.alive && node.postgres === 'standby' && this.record.epoch >= node.promisedEpoch;
  }

  /** One row, its copies, its acknowledgement. */
  #replicate(): void {
    const { primary, voterSet, promotable } = this.record;
    const source = primary === null ? undefined : this.nodes.get(primary);
    if (!source?.alive || source.postgres !== 'primary') return;
    if (this.writing) source.rows.push(++this.#row);
    let copies = 0;
    for (const node of this.nodes.values()) {
      if (node === source || !this.#follows(node)) continue;
      node.rows = [...source.rows];
      node.timeline = source.timeline;
      if (voterSet.members.includes(node.id)) copies++;
    }
    const enough = promotable === 'none' || copies >= voterSet.k;
    if (enough && this.writing) for (const row of source.rows.slice(-200)) this.acknowledged.add(row);
  }

  /** What a real agent's reconcile loop does: follow the record, start what is wanted, keep the voter set filled. */
  #reconcile(node: SimulatedNode): void {
    const wanted = this.store.value<NodeRecord | undefined>(keys.node(node.id))?.wanted;
    const { record } = this;
    if (node.postgres === 'primary' && record.primary !== node.id && record.epoch > 0) node.postgres = 'standby';
    if (node.postgres === 'stopped' && wanted === 'running' && record.primary !== node.id) node.postgres = 'standby';
    if (node.postgres === 'absent' && wanted === 'running') node.postgres = 'standby';
    if (node.postgres !== 'primary' || record.primary !== node.id || record.operation !== null) return;
    const stranded = [...this.nodes.values()].some((other) => other.alive && other.promisedEpoch > record.epoch);
    if (stranded) {
      this.#change((current) => ({ ...current, epoch: current.epoch + 1 }));
      this.store.leases.get(groupName)!.epoch = this.record.epoch;
    }
    const members = [...this.nodes.values()]
      .filter((other) => other !== node && this.#follows(other) && !this.#maintained(other.id))
      .map((other) => other.id)
      .filter((id) => !record.allowedVoters || record.allowedVoters.includes(id));
    const mode = record.wantedMode ?? record.mode;
    const asynchronous = mode === 'asynchronous';
    const set = asynchronous || members.length === 0 ? [] : members;
    const k = set.length === 0 ? 0 : mode === 'synchronous' ? set.length : 1;
    if (
      mode === record.mode &&
      JSON.stringify([set, k]) === JSON.stringify([record.voterSet.members, record.voterSet.k])
    )
      return;
    this.#change((current) => ({
      ...current,
      mode,
      wantedMode: null,
      voterSet: { members: set, k },
      promotable: set.length > 0 || asynchronous ? 'voters' : 'none',
    }));
  }

  #maintained(id: NodeId): boolean {
    return this.store.value<NodeRecord | undefined>(keys.node(id))?.maintenance ?? true;
  }

  #change(change: (record: GroupRecord) => GroupRecord): void {
    this.store.put(keys.group(groupName), change(this.record));
  }

  lsnOf(node: SimulatedNode): string {
    return formatLsn(BigInt(node.rows.length) * rowBytes + 0x1000000n);
  }

  report(node: SimulatedNode): NodeReport {
    const lease = this.store.leases.get(groupName);
    const held = lease?.holder === node.id && lease.untilMs > this.store.now() && !lease.released;
    const lsn = node.postgres === 'stopped' || node.postgres === 'absent' ? null : this.lsnOf(node);
    const others = [...this.nodes.values()].filter((other) => other !== node && this.#follows(other));
    return {
      node: node.id,
      incarnation: `i-${node.id}`,
      sequence: ++node.sequence,
      at: new Date().toISOString(),
      agentPid: 1,
      agentStartedAt: '',
      promisedEpoch: node.promisedEpoch,
      lease: lease && held ? { held, epoch: lease.epoch, remainingMs: lease.untilMs - this.store.now() } : null,
      guardianPid: null,
      activity: null,
      troubles: [],
      cpuPercent: 1,
      memoryPercent: 1,
      memoryBytes: 1,
      diskUsedBytes: 1,
      diskTotalBytes: 100,
      loopBlockMs: 0,
      links: [],
      postgres: {
        state: node.postgres,
        postmasterPid: 1,
        timeline: lsn === null ? null : node.timeline,
        lsn,
        receiveLsn: lsn,
        replayLsn: lsn,
        replayLagMs: 0,
        replayPaused: false,
        walReceiver: this.#follows(node) ? { status: 'streaming', fromNode: this.record.primary } : null,
        senders:
          node.postgres === 'primary'
            ? others.map((other) => ({
                applicationName: other.id,
                state: 'streaming',
                syncState: 'quorum',
                sentLsn: lsn,
                writeLsn: this.lsnOf(other),
                flushLsn: this.lsnOf(other),
                replayLsn: this.lsnOf(other),
                replyAgeMs: 1,
              }))
            : [],
        synchronousStandbyNames: null,
        connections: 3,
        maxConnections: 100,
        transactionsPerSecond: 1,
        databaseBytes: 1,
        walSinceCheckpointBytes: 1,
        replayBytesPerSecond: null,
        startedAt: null,
        version: '18',
        lastExit: null,
        waitingCommits: 0,
      },
    };
  }

  async command<C extends AgentCommand>(
    id: NodeId,
    command: C,
    params: AgentCommands[C]['params'],
  ): Promise<AgentCommands[C]['result']> {
    this.commands.push(`${id} ${command}`);
    await new Promise((resolve) => setImmediate(resolve));
    const node = this.nodes.get(id);
    if (!node?.alive)
      throw new ClusterError('UNAVAILABLE', `${id} is not connected.`, { clusterCode: 'CLU_NODE_UNREACHABLE' });
    await this.held.get(command);
    if (node.failing.has(command)) throw new ClusterError('CONFLICT', `${id} refuses ${command}.`);
    const term = 'fence' in params ? params.fence.controllerTerm : node.controllerTerm;
    if (term < node.controllerTerm)
      throw new ClusterError('CONFLICT', 'stale controller', { clusterCode: 'CLU_STALE_EPOCH' });
    node.controllerTerm = term;
    const handler = this.#handlers[command] as (node: SimulatedNode, params: unknown) => AgentCommands[C]['result'];
    return handler(node, params);
  }

  readonly #handlers: {
    readonly [C in AgentCommand]: (
      node: SimulatedNode,
      params: AgentCommands[C]['params'],
    ) => AgentCommands[C]['result'];
  } = {
    'agent.promise': (node, { epoch }) => {
      if (epoch <= this.record.epoch)
        throw new ClusterError('CONFLICT', 'stale epoch', { clusterCode: 'CLU_STALE_EPOCH' });
      if (node.postgres === 'primary') throw new ClusterError('CONFLICT', 'holds the lease');
      node.promisedEpoch = Math.max(node.promisedEpoch, epoch);
      if (node.postgres !== 'standby') throw new ClusterError('UNAVAILABLE', `PostgreSQL is ${node.postgres}`);
      const lsn = this.lsnOf(node);
      return { node: node.id, epoch, timeline: node.timeline, lsn, receiveLsn: lsn, replayLsn: lsn, inRecovery: true };
    },
    'agent.grant': (node, { next, expectedModRevision, underLeaseGuard }) => {
      const key = keys.group(groupName);
      if (this.record.epoch === next.epoch && this.record.primary === node.id) {
        return { modRevision: this.store.entries.get(key)!.modRevision };
      }
      if (node.promisedEpoch !== next.epoch && this.record.primary !== node.id)
        throw new ClusterError('CONFLICT', 'not promised');
      const result = this.store.txn({
        compare: [{ key, modRevision: expectedModRevision }],
        mutations: [{ kind: 'put', key, value: next as unknown as Json }],
        grants: { group: groupName, epoch: next.epoch, holder: node.id },
        ...(underLeaseGuard ? { leaseGuard: { group: groupName, epoch: next.epoch - 1 } } : {}),
      });
      if (!result.succeeded) throw new ClusterError('CONFLICT', 'changed', { clusterCode: 'CLU_REVISION_CONFLICT' });
      return { modRevision: result.revision };
    },
    'agent.promote': (node, { epoch }) => {
      if (this.record.epoch !== epoch || this.record.primary !== node.id) {
        throw new ClusterError('PRECONDITION_FAILED', 'not granted', { clusterCode: 'CLU_STALE_EPOCH' });
      }
      const forkLsn = this.lsnOf(node);
      if (node.postgres !== 'primary') {
        node.postgres = 'primary';
        node.timeline++;
      }
      node.draining = false;
      return { timeline: node.timeline, forkLsn, lsn: forkLsn };
    },
    'agent.drain': (node, { draining }) => {
      node.draining = draining;
      return { sessions: 3 };
    },
    'agent.checkpoint': () => ({}),
    'agent.demote': (node) => {
      if (node.postgres === 'primary') {
        this.#replicate();
        node.postgres = 'stopped';
        this.store.leases.get(groupName)!.released = true;
        this.#change((record) => ({ ...record, leaseReleased: true }));
      }
      return { shutdownLsn: this.lsnOf(node) };
    },
    'agent.stop': (node) => {
      if (node.postgres === 'primary') this.store.leases.get(groupName)!.released = true;
      node.postgres = 'stopped';
      return {};
    },
    'agent.start': (node) => {
      const lease = this.store.leases.get(groupName);
      const holds = this.record.primary === node.id && lease?.holder === node.id && !lease.released;
      if (node.postgres === 'stopped') node.postgres = holds ? 'primary' : 'standby';
      return {};
    },
    'agent.restart': (node) => {
      if (this.refusedAtStart.has(`${node.id} ${node.settings.shared_buffers}`))
        throw new ClusterError('CONFLICT', `PostgreSQL of ${node.id} does not start: no memory`);
      node.runs = node.settings;
      return {};
    },
    'agent.reclone': () => ({ bytes: 1 }),
    'agent.settings': (node, { settings }) => {
      const next: Record<string, string> = { ...node.settings };
      for (const [name, value] of Object.entries(settings)) {
        if (value === null) delete next[name];
        else next[name] = value;
      }
      node.settings = next;
      return { pendingRestart: [] };
    },
    'agent.createSlot': (node, { slot }) => {
      const made = { ...idleSlot, ...slot };
      node.slots.push(made);
      return made;
    },
    'agent.copySlot': () => ({ ready: true }),
    'agent.dropSlotCopy': () => ({ gone: true }),
    'agent.endConsumers': () => ({ slots: [] }),
    'agent.catchUpSlots': () => ({ caughtUp: true }),
    'agent.dropSlot': (node, { name }) => {
      const before = node.slots.length;
      node.slots = node.slots.filter((slot) => slot.name !== name);
      return { dropped: node.slots.length < before };
    },
    'agent.position': (node) => ({
      lsn: this.lsnOf(node),
      timeline: node.timeline,
      inRecovery: node.postgres === 'standby',
    }),
    'agent.waitForReplay': () => ({}),
    'agent.confirmEpoch': (_node, { epoch }) => ({ confirmed: true, epoch }),
  };

  async #request<M extends EngineMethod>(id: NodeId, method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    const node = this.nodes.get(id);
    if (!node?.alive) throw new ClusterError('UNAVAILABLE', `${id} is not connected.`);
    if (method === 'operation.archived') {
      const { controller } = this.controllers.get(id)!;
      return controller.archived(params as EngineParams<'operation.archived'>) as Promise<EngineResult<M>>;
    }
    if (method === 'health.kept') {
      const { controller } = this.controllers.get(id)!;
      return controller.keptHealth(params as EngineParams<'health.kept'>) as Promise<EngineResult<M>>;
    }
    if (method === 'node.settings.check') {
      const verdict = { refusal: this.refusedSettings, sharedMemoryBytes: null, hostMemoryBytes: 1 };
      return verdict as unknown as EngineResult<M>;
    }
    if (method === 'node.settings') return simulatedSettings as unknown as EngineResult<M>;
    if (method === 'node.unlogged') return [] as unknown as EngineResult<M>;
    if (method === 'node.slots') {
      const { slots, postgres } = node;
      const answer = { slots, inRecovery: postgres !== 'primary', ...simulatedSlotLimits };
      return answer as unknown as EngineResult<M>;
    }
    if (method !== 'node.route') throw new ClusterError('NOT_FOUND', method);
    const lease = this.store.leases.get(groupName);
    const holds = node.postgres === 'primary' && lease?.holder === id && !lease.released;
    const answer: RouteAnswer = {
      group: groupName,
      node: id,
      epoch: this.record.epoch,
      role: holds ? 'primary' : 'standby',
      host: '127.0.0.1',
      port: 5432,
      remainingMs: holds ? Math.max(0, lease!.untilMs - this.store.now()) : 0,
      lagBytes: 0,
      lagMs: 0,
      connections: 0,
      region: 'r1',
      draining: node.draining,
    };
    return answer as EngineResult<M>;
  }

  /** Rows that were acknowledged and that the primary does not have: must be none. */
  lostRows(): readonly number[] {
    const primary = this.record.primary === null ? null : this.node(this.record.primary);
    const rows = new Set(primary?.rows ?? []);
    return [...this.acknowledged].filter((row) => !rows.has(row));
  }
}
