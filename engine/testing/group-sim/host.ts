/**
 * One machine of the simulated group: clocks, disk, PostgreSQL, guardian, and the agent's process in which the product's own parts run over the product's
 * own control store. Crashing drops everything of a process: timers, deliveries, promises that wait; a restart reads what is on disk.
 */

import { type GroupRecord, keys } from '../../cluster/model';
import { DiskFailure, DiskFull } from '../../control/raft/log-storage';
import { RaftControlStore } from '../../control/raft/raft-store';
import type { RaftConfiguration } from '../../control/store';
import { isDiskFull } from '../../kernel/disk';
import type { Logger } from '../../kernel/log';
import { firstLevel } from '../../kernel/release';
import { foundingOnce, noteBegun } from '../../node/founded';
import { NodeParts } from '../../node/node-parts';
import { serviceFileOf, WalSource } from '../../node/wal-source';
import { writeIdentity } from '../../runtime/node-identity';
import type { AgentConfig, ClusterSeed } from '../../runtime/process-config';
import { Clock, SimLoop } from './clock';
import { HostDisk, SimDisk, SimFiles } from './disk';
import { Process } from './event-queue';
import { GuardianModel, type ToldExit } from './guardian';
import { type Exchange, SimInterconnect } from './interconnect';
import { DataDirectory, tag } from './pg-data';
import { PgEngine } from './pg-engine';
import type { PgHost } from './pg-host';
import { SimPostgres } from './pg-server';
import type { PgExit } from './pg-stream';
import { groupName } from './scene';
import type { World } from './world';

export type Cluster = {
  readonly world: World;
  readonly exchange: Exchange;
  readonly seed: ClusterSeed;
  readonly hosts: Map<string, Host>;
  readonly bootstrap: RaftConfiguration;
};

/** What one life of the agent consists of. */
export class AgentLife {
  readonly process = new Process();
  readonly loop: SimLoop;
  readonly store: RaftControlStore;
  readonly postgres: SimPostgres;
  readonly interconnect: SimInterconnect;
  readonly disk: SimDisk;
  readonly #files: SimFiles;
  readonly #walSource: WalSource;
  parts: NodeParts | null = null;

  constructor(
    readonly host: Host,
    cluster: Cluster,
  ) {
    const { world, exchange } = cluster;
    const config = host.config();
    const crash = (error: unknown): void => host.agentFailed(this, error);
    this.loop = new SimLoop(world.queue, world.random, host.clock, this.process, crash);
    const self = { name: `node:${host.id}`, kind: 'node' as const, nodeId: host.id, incarnation: host.incarnation };
    this.interconnect = new SimInterconnect(world, exchange, this.process, this.loop, self, host.id);
    this.disk = new SimDisk(host.disk, this.process, world.queue, world.random);
    const logger = host.logger();
    const onFatal = (error: Error): void => host.agentFailed(this, error);
    this.#files = new SimFiles(host.disk, this.process, host.clock, (path) => host.fileOfPostgres(path));
    let ids = 0;
    this.store = new RaftControlStore({
      self: { id: host.id, incarnation: host.incarnation },
      directory: `${config.nodeDirectory}/raft`,
      bootstrap: foundingOnce(this.#files, config.nodeDirectory, config.bootstrap),
      interconnect: this.interconnect,
      logger,
      timings: { heartbeatMs: 100, electionMs: 500, leaseMs: cluster.seed.leaseMs },
      onFatal,
      acceptMoved: false,
      snapshotEvery: 150,
      loop: this.loop,
      disk: this.disk,
      newId: () => `${host.id}-${host.lives}-${++ids}`,
    });
    world.checker.watchStore(host, this.store);
    this.postgres = new SimPostgres(host, this.process, this.loop, postgresConfiguration(config));
    this.#walSource = new WalSource({
      file: serviceFileOf(config),
      files: this.#files,
      relay: { setUpstream: () => undefined, applyFaults: () => undefined, stats: () => ({ proven: 0 }) },
      relayPort: config.walProxyPort,
      postgres: this.postgres,
      faults: () => [],
      resolve: (name) => name,
      loop: this.loop,
      logger,
    });
    this.parts = new NodeParts({
      config,
      logger,
      loop: this.loop,
      files: this.#files,
      store: this.store,
      interconnect: this.interconnect,
      postgres: this.postgres,
      walSource: this.#walSource,
      resources: noResources,
      onFatal,
      faults: { faults: () => [], set: () => [] } as never,
    });
  }

  /** As `agent.ts`: without the mark the node still runs. */
  #noteBegun(): void {
    try {
      noteBegun(this.#files, this.host.config().nodeDirectory);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  async begin(): Promise<void> {
    try {
      this.parts?.setSeedPeers();
      await this.interconnect.start();
      this.#walSource.begin();
      await this.store.start();
      this.#noteBegun();
      await this.parts?.begin();
    } catch (error) {
      this.host.agentFailed(this, error);
    }
  }
}

const noResources = {
  use: { cpuPercent: 1, memoryPercent: 1, memoryBytes: 1, diskUsedBytes: 1, diskTotalBytes: 100, diskFullInMs: null },
  takeLoopBlockMs: () => 0,
  sample: async () => undefined,
  record: () => undefined,
  recent: () => [],
};

export class Host implements PgHost {
  readonly clock: Clock;
  readonly disk: HostDisk;
  readonly data = new DataDirectory();
  readonly engine: PgEngine;
  guardian: GuardianModel | null = null;
  agent: AgentLife | null = null;
  listener: ((exit: ToldExit) => void) | null = null;
  unheardExit: ToldExit | null = null;
  processesVisible = true;
  up = true;
  lives = 0;
  incarnation: string;
  /** Its disk is new: it founds nothing. */
  #renewed = 0;
  trace: ((line: string) => void) | null = null;

  constructor(
    private readonly cluster: Cluster,
    readonly id: string,
    readonly group: string,
  ) {
    const { world } = cluster;
    this.clock = new Clock(world.queue, world.random.between(1_000, 1_000_000));
    this.disk = new HostDisk(world.random);
    this.disk.onCut = (kind) => {
      world.fired('power cut in a durable write');
      world.fired(`power cut in a write: ${kind}`);
      this.crash();
      world.queue.after(world.random.between(300, 2000), null, () => this.restart());
    };
    this.disk.onFull = (kind) => world.fired(`disk full in a write: ${kind}`);
    this.disk.onReplaced = (path, text) => {
      if (path.endsWith('/member-state.json')) world.checker.remembers(id, JSON.parse(text));
    };
    this.incarnation = `${id}-1`;
    this.writeIdentity();
    this.engine = new PgEngine(world, id, this.data, {
      upstream: () => this.upstream(),
      exited: (exit) => this.#exited(exit),
      postmasterDied: () => this.#postmasterDied(),
    });
  }
  get world(): World {
    return this.cluster.world;
  }
  get member(): boolean {
    return this.group === groupName;
  }
  /** What the launcher wrote before the first start. */
  writeIdentity(): void {
    const files = new SimFiles(this.disk, new Process(), this.clock);
    const { nodeId, incarnation, clusterId, nodeDirectory } = this.config();
    writeIdentity(nodeDirectory, { nodeId, incarnation, clusterId, level: firstLevel }, files);
  }
  fileOfPostgres(path: string): string | null {
    if (!path.endsWith('/postgresql.auto.conf') || !this.data.present || this.data.away) return null;
    return [...this.data.settings].map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join('');
  }
  diskFull(): boolean {
    return this.disk.full;
  }
  /** The guardian goes on where it can't write. */
  #write(file: string, change: () => void): void {
    try {
      this.disk.replacedElsewhere(`/simulated/${this.id}/${file}`, change);
    } catch {}
  }
  replaced(file: 'postgresql.auto.conf' | 'standby.signal', change: () => void): void {
    this.disk.replacedElsewhere(`/simulated/${this.id}/${file}`, change);
  }

  config(): AgentConfig {
    const directory = `/simulated/${this.id}`;
    return {
      clusterId: 'simulated',
      nodeId: this.id,
      incarnation: this.incarnation,
      group: this.group,
      region: 'here',
      host: this.id,
      agentPort: 1,
      postgresPort: 2,
      walProxyPort: 3,
      nodeDirectory: directory,
      socketDirectory: directory,
      secretFile: '',
      postgresSecretsFile: '',
      appPasswordFile: '',
      nativeDirectory: '',
      runAs: null,
      seeds: [...this.cluster.hosts.keys()].map((nodeId) => ({ nodeId, host: nodeId, port: 1 })),
      bootstrap: this.#renewed > 0 ? null : this.cluster.bootstrap,
      seed: this.#renewed > 0 ? null : this.cluster.seed,
      rehearsalEnabled: false,
      tls: null,
    };
  }
  logger(): Logger {
    const line =
      (level: string) =>
      (fields: unknown, message?: string): void => {
        if (this.trace) this.trace(`${this.id} ${level} ${message ?? ''} ${JSON.stringify(fields)}`);
      };
    const silent = (): void => undefined;
    return {
      debug: silent,
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      fatal: line('fatal'),
      trace: silent,
    } as unknown as Logger;
  }

  // ------------------------------------------------------------ the way of WAL
  /** As libpq reads it at every connection, whether an agent lives or not. */
  upstream(): PgEngine | null {
    const file = serviceFileOf(this.config());
    const named = this.disk.find(file) ? /^hostaddr=(.*)$/m.exec(this.disk.read(file).toString())?.[1] : undefined;
    return named === undefined ? null : (this.cluster.hosts.get(named)?.engine ?? null);
  }

  // ------------------------------------------------------------ processes
  newGuardian(): GuardianModel {
    return new GuardianModel(this.world, new Process(), this.clock, this.engine);
  }
  /** The guardian kills what outlives the postmaster. */
  #postmasterDied(): void {
    const { guardian } = this;
    if (guardian?.process.alive)
      this.world.queue.after(this.world.random.between(0.3, 3), guardian.process, () => this.engine.killAll());
  }
  #exited(exit: PgExit): void {
    const { guardian } = this;
    if (!guardian?.process.alive) return;
    this.world.queue.after(0.1, guardian.process, () => {
      const told: ToldExit = { ...exit, cause: guardian.cause };
      // Its word for people is lost with the power, nothing else.
      this.#write('last-exit.json', () => undefined);
      if (!guardian.process.alive) return;
      if (this.listener) this.listener(told);
      else this.unheardExit = told;
    });
  }
  startAgent(): void {
    if (!this.up || this.agent !== null) return;
    this.lives++;
    this.world.queue.touch();
    try {
      const life = new AgentLife(this, this.cluster);
      this.agent = life;
      void life.begin();
    } catch (error) {
      this.world.checker.fail(`the agent of ${this.id} can't start: ${(error as Error).message}`);
    }
  }
  killAgent(): void {
    const { agent } = this;
    if (agent === null) return;
    agent.process.kill();
    this.cluster.exchange.listening.delete(this.id);
    this.agent = null;
    this.listener = null;
  }
  /** As `main.ts`: what a disk did is read again at the next start; anything else would only repeat itself, and is a bug here. */
  agentFailed(life: AgentLife, error: unknown): void {
    if (this.agent !== life || !life.process.alive) return;
    const ofDisk = error instanceof DiskFailure || error instanceof DiskFull || isDiskFull(error);
    this.world.note(`${this.id} agent ends: ${(error as Error)?.stack ?? String(error)}`);
    if (!ofDisk)
      this.world.checker.fail(`the agent of ${this.id} ended: ${(error as Error)?.message ?? String(error)}`);
    else this.world.fired('agent ended by its disk');
    this.killAgent();
    this.world.queue.after(this.world.random.between(500, 1500), null, () => this.startAgent());
  }
  killGuardian(): void {
    const { guardian } = this;
    if (!guardian?.process.alive) return;
    guardian.process.kill();
    this.engine.killPostmaster();
    this.agent?.postgres.guardianLost();
  }

  // ------------------------------------------------------------ machine
  crash(): void {
    if (!this.up) return;
    this.up = false;
    this.world.note(`${this.id} loses power`);
    this.killAgent();
    this.guardian?.process.kill();
    this.guardian = null;
    this.unheardExit = null;
    this.engine.vanish();
    if (this.data.away) this.data.renew();
    this.data.losePower();
    this.disk.lose();
    this.disk.cutAt = null;
    this.disk.fullAt = null;
    this.world.checker.forgetful(this.id);
  }
  restart(): void {
    if (this.up) return;
    this.up = true;
    // A pause ends with the machine: what boots runs.
    this.clock.go();
    this.world.note(`${this.id} comes up`);
    this.startAgent();
  }
  loseDisk(): void {
    this.crash();
    this.disk.clear();
    this.world.checker.diskLost(this.id);
    this.data.renew();
    this.incarnation = `${this.id}-${++this.#renewed + 1}`;
    this.writeIdentity();
  }

  /** SIGSTOP, or the whole machine with its clocks. */
  freeze(what: 'node' | 'agent' | 'guardian' | 'postgres' | 'paused' | 'suspended'): () => void {
    const all = [this.agent?.process, this.guardian?.process, this.engine.life];
    const processes = (
      what === 'agent'
        ? [this.agent?.process]
        : what === 'guardian'
          ? [this.guardian?.process]
          : what === 'postgres'
            ? [this.engine.life]
            : all
    ).filter((one): one is Process => one?.alive === true);
    for (const one of processes) one.freeze();
    if (what === 'paused') this.clock.stop('both');
    if (what === 'suspended') this.clock.stop('monotonic');
    return () => {
      if (what === 'paused' || what === 'suspended') this.clock.go();
      for (const one of processes) if (one.alive) this.world.queue.thaw(one);
      this.world.checker.woke(this.id, what === 'paused');
    };
  }

  record(): GroupRecord | null {
    return (this.agent?.store.localGet(keys.group(groupName))?.value as unknown as GroupRecord | undefined) ?? null;
  }
}

function postgresConfiguration(config: AgentConfig) {
  const directory = config.nodeDirectory;
  return {
    nodeId: config.nodeId,
    paths: {
      nodeDirectory: directory,
      dataDirectory: `${directory}/pgdata`,
      socketDirectory: directory,
      logDirectory: `${directory}/log`,
      guardianSocket: `${directory}/guardian.sock`,
    },
    nativeDirectory: '',
    host: config.host,
    port: config.postgresPort,
    passwords: { superuser: '', replication: '', monitor: '', query: '', app: '' },
    runAs: null,
    walProxyPort: config.walProxyPort,
    serviceFile: serviceFileOf(config),
    standbyTag: tag,
  };
}
