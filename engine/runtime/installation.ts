/**
 * What one installation consists of on this host: cluster identity, founding members, node directories and their identities, and the
 * configuration file of every process. `cluster.json` is written before the first agent starts; an identity lives in its node's directory,
 * so a wiped directory gets a new incarnation and joins as a new member instead of voting with amnesia.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RaftConfiguration } from '../control/store';
import { messageOf } from '../kernel/errors';
import { formats, newerFormat } from '../kernel/format-version';
import type { GroupName, Incarnation, NodeId } from '../kernel/ids';
import { renameEntry, replaceFile, systemFiles } from '../kernel/small-files';
import { StartError } from './data-directory';
import type { NativePostgres } from './native-postgres';
import { identityFile, levelOf, type NodeIdentity, readIdentity, writeIdentity } from './node-identity';
import { openNodeDirectory, openSocketDirectories, socketDirectoryOf } from './node-places';
import type { PortBook } from './ports';
import type {
  AgentConfig,
  ClusterSeed,
  RouterConfig,
  SeedAddress,
  ServerConfig,
  ServiceListener,
} from './process-config';
import type { RateLimitOverrides } from './rate-limits-setting';
import type { SecretFiles } from './secrets';
import { type Topology, topologySchema } from './topology';

const maximumVoters = 5;

type ClusterFile = {
  readonly format?: number;
  readonly clusterId: string;
  readonly createdAt: string;
  readonly topology: Topology;
  /** Incarnations of the founding members, as in the first Raft configuration. */
  readonly founders: Readonly<Record<NodeId, Incarnation>>;
  /** All founders were seen up: from now on an empty consensus directory is a new member, never a founder. */
  readonly seeded: boolean;
};

export type NodePlace = { readonly id: NodeId; readonly group: GroupName; readonly region: string };

export type InstallationOptions = {
  readonly dataDirectory: string;
  /** Where node directories live; differs from `<data>/nodes` when PostgreSQL's user can't reach that. */
  readonly nodesDirectory: string;
  readonly host: string;
  readonly consoleHost: string;
  readonly consolePort: number;
  readonly topology: Topology;
  readonly ports: PortBook;
  readonly secrets: SecretFiles;
  readonly native: NativePostgres;
  readonly rehearsalEnabled: boolean;
  /** RUSTYDB_LOG_LIMIT_MB of each node; absent or null: the default. */
  readonly logBytes?: number | null;
  /** How many serve the router's ports together; absent: one. */
  readonly routerProcesses?: number;
  /** Of the console: its identity provider and its own TLS. */
  readonly oidcFile: string | null;
  readonly consoleTls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly secureCookies: boolean;
  readonly trustedProxies: readonly string[];
  readonly rateLimits: RateLimitOverrides | null;
};

export class Installation {
  #cluster: ClusterFile;
  readonly #options: InstallationOptions;

  constructor(options: InstallationOptions) {
    this.#options = options;
    this.#cluster = this.#openClusterFile();
  }

  get dataDirectory(): string {
    return this.#options.dataDirectory;
  }

  get clusterId(): string {
    return this.#cluster.clusterId;
  }

  get topology(): Topology {
    return this.#cluster.topology;
  }

  get seeded(): boolean {
    return this.#cluster.seeded;
  }

  founders(): readonly NodePlace[] {
    return this.#cluster.topology.groups.flatMap((group) =>
      group.nodes.map((node) => ({ id: node.id, group: group.name, region: node.region })),
    );
  }

  markSeeded(): void {
    if (!this.#cluster.seeded) this.#writeClusterFile({ ...this.#cluster, seeded: true });
  }

  nodeDirectory(node: NodeId): string {
    return join(this.#options.nodesDirectory, node);
  }

  async seeds(nodes: readonly NodePlace[]): Promise<readonly SeedAddress[]> {
    return Promise.all(
      nodes.map(async (node) => ({
        nodeId: node.id,
        host: this.#options.host,
        port: await this.#options.ports.port(`${node.id}.agent`),
      })),
    );
  }

  /** Writes the agent's configuration and returns its path. */
  async prepareAgent(node: NodePlace, all: readonly NodePlace[]): Promise<string> {
    const { host, ports, native, secrets } = this.#options;
    const directory = this.nodeDirectory(node.id);
    openNodeDirectory(directory, native.runAs);
    const socketDirectory = socketDirectoryOf(directory, node.id);
    openSocketDirectories(directory, socketDirectory, native.runAs);
    const identity = this.#identity(node.id, directory);
    const founding = !this.#cluster.seeded && this.#cluster.founders[node.id] === identity.incarnation;
    const config: AgentConfig = {
      clusterId: this.clusterId,
      nodeId: node.id,
      incarnation: identity.incarnation,
      group: node.group,
      region: node.region,
      host,
      agentPort: await ports.port(`${node.id}.agent`),
      postgresPort: await ports.port(`${node.id}.postgres`),
      walProxyPort: await ports.port(`${node.id}.wal`),
      probePort: await ports.port(`${node.id}.probes`),
      nodeDirectory: directory,
      socketDirectory,
      secretFile: secrets.clusterSecret,
      postgresSecretsFile: secrets.postgres,
      appPasswordFile: secrets.appPassword,
      nativeDirectory: native.directory,
      runAs: native.runAs,
      seeds: await this.seeds(all),
      bootstrap: founding ? this.#bootstrapConfiguration() : null,
      seed: founding ? await this.#seed() : null,
      rehearsalEnabled: this.#options.rehearsalEnabled,
      ...(this.#options.logBytes ? { logBytes: this.#options.logBytes } : {}),
      tls: null,
    };
    return this.#writeConfig(node.id, config);
  }

  /** The built-in services of the groups that `nodes` form, where the router listens for them. */
  async services(nodes: readonly NodePlace[]): Promise<readonly ServiceListener[]> {
    const { host, ports } = this.#options;
    const groups = [...new Set(nodes.map((node) => node.group))].sort();
    const services: ServiceListener[] = [];
    for (const group of groups) {
      for (const kind of ['rw', 'ro'] as const) {
        const service = `${group}-${kind}`;
        services.push({ service, group, kind, host, port: await ports.port(`service.${service}`) });
      }
    }
    return services;
  }

  async prepareRouter(nodes: readonly NodePlace[]): Promise<string> {
    const { host, secrets } = this.#options;
    const config: RouterConfig = {
      clusterId: this.clusterId,
      secretFile: secrets.clusterSecret,
      host,
      seeds: await this.seeds(nodes),
      services: await this.services(nodes),
      region: nodes[0]?.region ?? null,
      statusIntervalMs: 1000,
      ...((this.#options.routerProcesses ?? 1) > 1 ? { processes: this.#options.routerProcesses } : {}),
    };
    return this.#writeConfig('router', config);
  }

  async prepareServer(nodes: readonly NodePlace[]): Promise<string> {
    const { consoleHost, secrets, dataDirectory, consolePort } = this.#options;
    const config: ServerConfig = {
      clusterId: this.clusterId,
      clusterName: this.topology.cluster_name,
      host: consoleHost,
      port: consolePort,
      appDirectory: dirname(dirname(bundlePath('server.mjs'))),
      dataDirectory,
      secretFile: secrets.clusterSecret,
      sessionSecretFile: secrets.sessionSecret,
      adminPasswordFile: secrets.adminPassword,
      breakGlassFile: secrets.breakGlass,
      ...(this.#options.oidcFile === null ? {} : { oidcFile: this.#options.oidcFile }),
      ...(this.#options.consoleTls === null ? {} : { tls: this.#options.consoleTls }),
      ...(this.#options.secureCookies ? { secureCookies: true } : {}),
      ...(this.#options.trustedProxies.length === 0 ? {} : { trustedProxies: this.#options.trustedProxies }),
      ...(this.#options.rateLimits === null ? {} : { rateLimits: this.#options.rateLimits }),
      ...(secrets.apiKey ? { apiKeyFile: secrets.apiKey } : {}),
      appPasswordFile: secrets.appPassword,
      seeds: await this.seeds(nodes),
      rehearsalEnabled: this.#options.rehearsalEnabled,
      dev: false,
    };
    return this.#writeConfig('server', config);
  }

  /** Sets a removed node's directory aside; its data is never deleted behind the operator's back. */
  setAside(node: NodeId): string {
    const at = new Date().toISOString().replaceAll(/[:.]/g, '');
    const target = `${this.nodeDirectory(node)}.removed-${at}`;
    if (existsSync(this.nodeDirectory(node))) renameEntry(systemFiles, this.nodeDirectory(node), target);
    return target;
  }

  #openClusterFile(): ClusterFile {
    const file = join(this.#options.dataDirectory, 'cluster.json');
    if (existsSync(file)) {
      try {
        const cluster = JSON.parse(readFileSync(file, 'utf8')) as ClusterFile;
        const whole =
          typeof cluster.clusterId === 'string' && typeof cluster.founders === 'object' && cluster.founders !== null;
        if (!whole) throw new Error('fields are missing');
        const newer = newerFormat(file, 'cluster', cluster.format);
        if (newer !== null) throw new StartError(newer);
        return { ...cluster, topology: topologySchema.parse(cluster.topology) };
      } catch (error) {
        if (error instanceof StartError) throw error;
        throw new StartError(
          `${file} is damaged (${messageOf(error).split('\n')[0]}). Restore it from a backup, or set the data directory aside to start a new cluster.`,
        );
      }
    }
    const cluster: ClusterFile = {
      clusterId: randomUUID(),
      createdAt: new Date().toISOString(),
      topology: this.#options.topology,
      founders: Object.fromEntries(
        this.#options.topology.groups.flatMap((g) => g.nodes).map((n) => [n.id, randomUUID()]),
      ),
      seeded: false,
    };
    this.#writeClusterFile(cluster);
    return cluster;
  }

  #writeClusterFile(cluster: ClusterFile): void {
    const file = join(this.#options.dataDirectory, 'cluster.json');
    replaceFile(systemFiles, file, JSON.stringify({ format: formats.cluster.version, ...cluster }, null, 2));
    this.#cluster = cluster;
  }

  #identity(node: NodeId, directory: string): NodeIdentity {
    const file = identityFile(directory);
    const consensus = join(directory, 'raft');
    const consensusEmpty = !existsSync(consensus) || readdirSync(consensus).length === 0;
    if (existsSync(file) && !(this.#cluster.seeded && consensusEmpty)) {
      const identity = readIdentity(directory);
      if (identity.nodeId !== node || identity.clusterId !== this.clusterId) {
        throw new StartError(
          `The node directory ${directory} belongs to ${identity.nodeId} of cluster ${identity.clusterId}, not to ${node} of ${this.clusterId}. Move it away and start again: the node then joins as a new member and copies its data from the primary.`,
        );
      }
      return identity;
    }
    const founder = this.#cluster.seeded ? undefined : this.#cluster.founders[node];
    // A level that was in force here stays: an emptied store does not make older releases able to read the rest.
    const level = levelOf(directory);
    writeIdentity(directory, {
      nodeId: node,
      incarnation: founder ?? randomUUID(),
      clusterId: this.clusterId,
      level,
    });
    return readIdentity(directory);
  }

  /** Founding voters: first nodes of each group in turn, so that no group holds a majority alone where it can be helped. */
  #bootstrapConfiguration(): RaftConfiguration {
    const groups = this.topology.groups.map((g) => g.nodes.map((n) => n.id));
    const inTurn: NodeId[] = [];
    for (let round = 0; groups.some((nodes) => round < nodes.length); round++) {
      for (const nodes of groups) {
        const id = nodes[round];
        if (id !== undefined) inTurn.push(id);
      }
    }
    const member = (id: NodeId) => ({ id, incarnation: this.#cluster.founders[id] as Incarnation });
    return { voters: inTurn.slice(0, maximumVoters).map(member), learners: inTurn.slice(maximumVoters).map(member) };
  }

  async #seed(): Promise<ClusterSeed> {
    const { topology, host, ports } = { topology: this.topology, host: this.#options.host, ports: this.#options.ports };
    const nodes = await Promise.all(
      topology.groups.flatMap((group) =>
        group.nodes.map(async (node) => ({
          id: node.id,
          group: group.name,
          region: node.region,
          host,
          agentPort: await ports.port(`${node.id}.agent`),
          postgresPort: await ports.port(`${node.id}.postgres`),
          probePort: await ports.port(`${node.id}.probes`),
          incarnation: this.#cluster.founders[node.id] as Incarnation,
          priority: node.priority,
        })),
      ),
    );
    return {
      clusterName: topology.cluster_name,
      leaseMs: topology.lease_ms,
      nodes,
      groups: topology.groups.map((group) => ({
        name: group.name,
        mode: group.commit_mode,
        primary: (group.nodes[0] as { id: NodeId }).id,
        onNoStandby: group.on_no_standby ?? (group.commit_mode === 'synchronous' ? 'wait' : 'degrade'),
      })),
    };
  }

  #writeConfig(name: string, config: unknown): string {
    const file = join(this.#options.dataDirectory, 'run', `${name}.json`);
    const text = JSON.stringify(config, null, 2);
    // It is asked for before each start of an agent: a full disk must not keep one from starting that needs nothing written.
    if (systemFiles.readText(file) !== text) replaceFile(systemFiles, file, text);
    return file;
  }
}

/** A bundle beside this one in dist/. */
export function bundlePath(name: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), name);
}
