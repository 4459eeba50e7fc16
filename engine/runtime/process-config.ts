/**
 * The configuration files the launcher writes for the processes it starts, one JSON file per process, mode 0600, no secret in them:
 * secrets stay in files of their own and are named by path. A process reads its file once, at start.
 */
import { readFileSync } from 'node:fs';
import type { CommitMode } from '../cluster/model';
import type { RaftConfiguration } from '../control/store';
import type { GroupName, Incarnation, NodeId } from '../kernel/ids';
import type { RateLimitOverrides } from './rate-limits-setting';

export type SeedAddress = { readonly nodeId: NodeId; readonly host: string; readonly port: number };

export type SeedNode = {
  readonly id: NodeId;
  readonly group: GroupName;
  readonly region: string;
  readonly host: string;
  readonly agentPort: number;
  readonly postgresPort: number;
  readonly probePort?: number;
  readonly incarnation: Incarnation;
  readonly priority: number;
};

export type SeedGroup = {
  readonly name: GroupName;
  readonly mode: CommitMode;
  readonly primary: NodeId;
  readonly onNoStandby: 'degrade' | 'wait';
};

/** What the first leader writes into an empty control store. */
export type ClusterSeed = {
  readonly clusterName: string;
  readonly leaseMs: number;
  readonly groups: readonly SeedGroup[];
  readonly nodes: readonly SeedNode[];
};

export type AgentConfig = {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly group: GroupName;
  readonly region: string;
  readonly host: string;
  readonly agentPort: number;
  readonly postgresPort: number;
  readonly walProxyPort: number;
  /** For health probes of load balancers; absent: the launcher is of a release without them, and none are answered. */
  readonly probePort?: number;
  /** `<data>/nodes/<id>` */
  readonly nodeDirectory: string;
  readonly socketDirectory: string;
  readonly secretFile: string;
  readonly postgresSecretsFile: string;
  readonly appPasswordFile: string;
  readonly nativeDirectory: string;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  readonly seeds: readonly SeedAddress[];
  /** Non-null only on the very first start of the cluster, for its founding members. */
  readonly bootstrap: RaftConfiguration | null;
  readonly seed: ClusterSeed | null;
  /** What PostgreSQL's log may take; absent: the default. */
  readonly logBytes?: number;
  readonly rehearsalEnabled: boolean;
  /** Certificate files for the interconnect across hosts; null on one host (loopback). */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string } | null;
};

export type ServiceListener = {
  readonly service: string;
  readonly group: GroupName;
  readonly kind: 'rw' | 'ro';
  readonly host: string;
  readonly port: number;
};

export type RouterConfig = {
  readonly clusterId: string;
  readonly secretFile: string;
  readonly host: string;
  readonly seeds: readonly SeedAddress[];
  readonly services: readonly ServiceListener[];
  readonly region: string | null;
  readonly statusIntervalMs: number;
};

export type ServerConfig = {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly host: string;
  readonly port: number;
  /** Where the built pages (.next) are. */
  readonly appDirectory: string;
  readonly dataDirectory: string;
  readonly secretFile: string;
  readonly sessionSecretFile: string;
  readonly adminPasswordFile: string;
  readonly apiKeyFile?: string;
  readonly breakGlassFile?: string;
  readonly oidcFile?: string;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly secureCookies?: boolean;
  readonly trustedProxies?: readonly string[];
  readonly rateLimits?: RateLimitOverrides;
  readonly appPasswordFile: string;
  readonly seeds: readonly SeedAddress[];
  readonly rehearsalEnabled: boolean;
  readonly dev: boolean;
};

export function readProcessConfig<T>(argument: string | undefined): T {
  if (!argument) throw new Error('this process is started by the launcher with the path of its configuration file');
  return JSON.parse(readFileSync(argument, 'utf8')) as T;
}

/** Exit code for "a restart won't help": the launcher shows the sentence and leaves the process down. */
export const fatalExitCode = 78;
