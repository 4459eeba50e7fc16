/**
 * The agent's process: makes the real control store, interconnect, WAL proxy, PostgreSQL, disk and clocks, hands them to the parts (`node-parts.ts`) and
 * starts and stops all of it in order.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { RaftControlStore } from '../control/raft/raft-store';
import { FaultDoor } from '../interconnect/fault-door';
import { TcpInterconnect } from '../interconnect/tcp-interconnect';
import { WalProxy } from '../interconnect/wal-proxy';
import { withTimeout } from '../kernel/async';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import { systemLoop } from '../kernel/loop';
import { systemFiles } from '../kernel/small-files';
import { PgServer } from '../postgres/server';
import { standbyTag } from '../postgres/settings';
import { proveSight } from '../postgres/sight-proof';
import { areas } from '../runtime/areas';
import { guardianSocketOf } from '../runtime/node-places';
import type { AgentConfig } from '../runtime/process-config';
import { readRolePasswords, readSecret } from '../runtime/secrets';
import { foundingOnce, noteBegun } from './founded';
import { NodeParts, resourceMs } from './node-parts';
import { beforeOrderedStop } from './ordered-stop';
import { ProbeServer } from './probe-server';
import { ResourceSampler } from './resource-sampler';
import { serviceFileOf, WalSource } from './wal-source';

const shutdownMs = 30_000;
const leaveMs = 500;

export class Agent {
  readonly #config: AgentConfig;
  readonly #logger: Logger;
  readonly #interconnect: TcpInterconnect;
  readonly #store: RaftControlStore;
  readonly #walProxy: WalProxy;
  readonly #walSource: WalSource;
  readonly #postgres: PgServer;
  readonly #resources: ResourceSampler;
  readonly #parts: NodeParts;
  readonly #probes: ProbeServer | null;
  #stopped = false;

  constructor(config: AgentConfig, logger: Logger, onFatal: (error: Error) => void) {
    this.#config = config;
    this.#logger = logger;
    systemFiles.makeDirectory(join(config.nodeDirectory, 'raft'));
    const secret = readSecret(config.secretFile);
    this.#interconnect = new TcpInterconnect({
      self: { name: `node:${config.nodeId}`, kind: 'node', nodeId: config.nodeId, incarnation: config.incarnation },
      clusterId: config.clusterId,
      secret,
      listen: { host: config.host, port: config.agentPort },
      tls: config.tls ?? undefined,
      logger,
    });
    this.#store = new RaftControlStore({
      self: { id: config.nodeId, incarnation: config.incarnation },
      directory: join(config.nodeDirectory, 'raft'),
      bootstrap: foundingOnce(systemFiles, config.nodeDirectory, config.bootstrap),
      interconnect: this.#interconnect,
      logger,
      timings: { heartbeatMs: 100, electionMs: 500, leaseMs: config.seed?.leaseMs ?? 2000 },
      onFatal,
    });
    this.#postgres = createPostgres(config);
    this.#walProxy = new WalProxy({
      nodeId: config.nodeId,
      listenHost: '127.0.0.1',
      listenPort: config.walProxyPort,
      // Its own PostgreSQL's processes, and this one's copies.
      users: process.getuid === undefined ? null : [process.getuid(), ...(config.runAs ? [config.runAs.uid] : [])],
      logger,
      faults: () => this.#interconnect.faults(),
    });
    this.#walSource = new WalSource({
      file: serviceFileOf(config),
      files: systemFiles,
      relay: this.#walProxy,
      relayPort: config.walProxyPort,
      postgres: this.#postgres,
      faults: () => this.#interconnect.faults(),
      resolve: (host) => (isIP(host) === 0 ? lookup(host).then(({ address }) => address) : host),
      loop: systemLoop,
      logger,
    });
    this.#resources = new ResourceSampler(config.nodeDirectory, resourceMs, () =>
      [process.pid, this.#postgres.guardianPid(), this.#postgres.postmasterPid()].filter((pid) => pid !== null),
    );
    this.#parts = new NodeParts({
      config,
      logger,
      loop: systemLoop,
      files: systemFiles,
      store: this.#store,
      interconnect: this.#interconnect,
      postgres: this.#postgres,
      walSource: this.#walSource,
      resources: this.#resources,
      areas,
      onFatal,
      faults: new FaultDoor({
        interconnect: this.#interconnect,
        wal: this.#walSource,
        rehearsalEnabled: config.rehearsalEnabled,
        logger,
      }),
    });
    const { host, probePort: port } = config;
    const parts = this.#parts;
    const answers = { facts: () => parts.probeFacts(), beforeCluster: () => parts.askPrimary() };
    this.#probes = port === undefined ? null : new ProbeServer({ host, port, loop: systemLoop, logger, ...answers });
  }

  /** Without the mark the node still runs: only a second loss of its store's directory would go unseen. */
  #noteBegun(): void {
    try {
      noteBegun(systemFiles, this.#config.nodeDirectory);
    } catch (error) {
      this.#logger.warn({ err: error }, 'not noted that the control store was begun');
    }
  }

  async start(): Promise<void> {
    await proveSight(join(this.#config.nodeDirectory, 'sight'), this.#config.runAs);
    systemFiles.makeDirectory(join(this.#config.nodeDirectory, 'archive'));
    this.#parts.setSeedPeers();
    await this.#interconnect.start();
    await this.#walProxy.start();
    this.#walSource.begin();
    await this.#store.start();
    this.#noteBegun();
    await this.#parts.begin();
    this.#probes?.start();
    this.#logger.info({ node: this.#config.nodeId, port: this.#config.agentPort }, 'agent started');
  }

  /**
   * A planned end of this process: PostgreSQL stops cleanly, the control store hands its leadership on by time-out. `withAll`: the whole installation
   * stops, the primary before its standbys.
   */
  async stop(withAll = false): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#parts.stop();
    // The next leader is there when the lease comes back.
    if (!withAll) await this.#handLeadershipOn();
    const { standbyStop } = this.#parts;
    const means = { postgres: this.#postgres, logger: this.#logger, loop: systemLoop, standbyStop };
    await beforeOrderedStop({ ...means, primaryStopsToo: withAll && this.#parts.primaryIsHere });
    try {
      if (!(await this.#parts.handOver(shutdownMs, withAll))) await this.#postgres.stop('fast', shutdownMs);
      await this.#postgres.close();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'PostgreSQL did not stop cleanly');
    }
    this.#probes?.stop();
    this.#parts.end();
    this.#resources.stop();
    await this.#store.stop();
    this.#walSource.stop();
    await this.#walProxy.stop();
    await this.#interconnect.stop();
  }

  /**
   * Nothing is stopped: what this process leaves behind is what a crash would, and the next one finds its way as after one. Only the leadership of
   * the control store is handed on, so that nobody waits for an election.
   */
  async leave(): Promise<void> {
    await this.#handLeadershipOn();
  }

  async #handLeadershipOn(): Promise<void> {
    if (!this.#store.isLeader()) return;
    const connected = new Set(this.#interconnect.connectedPeers());
    const { voters } = this.#store.status().configuration;
    const next = voters.find(({ id }) => id !== this.#config.nodeId && connected.has(id));
    if (next === undefined) return;
    await withTimeout(this.#store.transferLeadership(next.id), leaveMs, 'handing the leadership on').catch(() => {});
  }
}

function createPostgres(config: AgentConfig): PgServer {
  const directory = config.nodeDirectory;
  return new PgServer({
    nodeId: config.nodeId,
    paths: {
      nodeDirectory: directory,
      dataDirectory: join(directory, 'pgdata'),
      socketDirectory: config.socketDirectory,
      logDirectory: join(directory, 'log'),
      guardianSocket: guardianSocketOf(directory, config.socketDirectory),
    },
    nativeDirectory: config.nativeDirectory,
    host: config.host,
    port: config.postgresPort,
    passwords: readRolePasswords(config.postgresSecretsFile, config.appPasswordFile),
    runAs: config.runAs,
    walProxyPort: config.walProxyPort,
    serviceFile: serviceFileOf(config),
    standbyTag: standbyTag(config.clusterId),
    ...(config.logBytes === undefined ? {} : { logBytes: config.logBytes }),
  });
}
