/**
 * A whole installation as a user starts it (`dist/launcher.mjs`), on its own ports and directory, for tests, benchmarks and the soak: its API, its
 * services, and the means to hurt it: kill or freeze single processes or whole nodes, found by what /proc says and not by what we report.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { delay, pollUntil } from '../kernel/async';

export type RealClusterOptions = {
  readonly topology?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep an existing directory (second start on the same data). */
  readonly dataDirectory?: string;
  readonly readyTimeoutMs?: number;
};

export type ApiNode = {
  readonly node_id: string;
  readonly group: string;
  readonly role: 'primary' | 'standby';
  readonly status: string;
  readonly lsn: string | null;
  readonly timeline: number | null;
  readonly port: number;
  readonly agent_pid: number | null;
  readonly postmaster_pid: number | null;
  readonly data_directory: string | null;
};

export type ApiAnswer<T> = { readonly status: number; readonly body: T; readonly headers: Headers };

export class RealCluster {
  #launcher: ChildProcess | null = null;
  output = '';

  private constructor(
    readonly dataDirectory: string,
    readonly port: number,
    readonly apiKey: string,
    private readonly options: RealClusterOptions,
  ) {}

  /** Starts and waits for /readyz. */
  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    const directory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'rustydb-cluster-'));
    const cluster = new RealCluster(directory, await freePort(), `test-key-${'k'.repeat(24)}`, options);
    await cluster.launch();
    return cluster;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async launch(): Promise<number> {
    const begun = performance.now();
    const launcher = spawn(process.execPath, ['--enable-source-maps', resolve('dist/launcher.mjs')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        RUSTYDB_DATA_DIR: this.dataDirectory,
        RUSTYDB_PORT: String(this.port),
        RUSTYDB_API_KEY: this.apiKey,
        RUSTYDB_REHEARSAL: '1',
        ...(this.options.topology ? { RUSTYDB_TOPOLOGY: this.options.topology } : {}),
        ...this.options.env,
      },
    });
    launcher.stdout.on('data', (chunk: Buffer) => this.#note(chunk));
    launcher.stderr.on('data', (chunk: Buffer) => this.#note(chunk));
    this.#launcher = launcher;
    await this.ready(this.options.readyTimeoutMs ?? 60_000);
    return performance.now() - begun;
  }

  #note(chunk: Buffer): void {
    this.output = (this.output + chunk.toString()).slice(-20_000);
  }

  async ready(timeoutMs: number): Promise<void> {
    await pollUntil(
      async () => {
        if (this.#launcher && this.#launcher.exitCode !== null) throw new Error(`the launcher ended: ${this.output}`);
        return (await fetch(`${this.url}/readyz`)).ok || undefined;
      },
      { timeoutMs, intervalMs: 50, what: `/readyz of ${this.url}` },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.output}`);
    });
  }

  /** As Ctrl-C does. Returns the exit code. */
  async stop(): Promise<number | null> {
    const launcher = this.#launcher;
    if (!launcher || launcher.exitCode !== null) return launcher?.exitCode ?? null;
    const ended = new Promise<number | null>((done) => launcher.once('exit', done));
    launcher.kill('SIGTERM');
    const code = await ended;
    this.#launcher = null;
    return code;
  }

  /** Whatever still runs of this installation dies; the directory goes unless the caller keeps it. */
  async destroy(keepData = false): Promise<void> {
    await this.stop();
    this.killEverything();
    await pollUntil(() => this.allProcesses().length === 0 || undefined, {
      timeoutMs: 10_000,
      intervalMs: 20,
      what: 'all processes gone',
    });
    if (!keepData) rmSync(this.dataDirectory, { recursive: true, force: true });
  }

  killEverything(): void {
    this.#launcher?.kill('SIGKILL');
    this.#launcher = null;
    for (const pid of this.allProcesses()) send(pid, 'SIGKILL');
  }

  /** All live processes whose command line or working directory lies in this installation. */
  allProcesses(): readonly number[] {
    return processesTouching(this.dataDirectory);
  }

  /** Guardian, agent and every PostgreSQL process of one node. */
  nodeProcesses(node: string): readonly number[] {
    const own = new Set(processesTouching(join(this.dataDirectory, 'nodes', node)));
    for (const pid of processesTouching(join(this.dataDirectory, 'run', `${node}.json`))) own.add(pid);
    return [...own];
  }

  postgresProcesses(node: string): readonly number[] {
    const directory = join(this.dataDirectory, 'nodes', node, 'pgdata');
    return liveProcesses().filter((pid) => workingDirectory(pid) === directory);
  }

  agentProcess(node: string): number {
    const pid = liveProcesses().find(
      (one) =>
        commandLine(one).includes('agent.mjs') &&
        commandLine(one).includes(join(this.dataDirectory, 'run', `${node}.json`)),
    );
    if (pid === undefined) throw new Error(`no agent of ${node} runs`);
    return pid;
  }

  guardianProcess(node: string): number {
    const pid = liveProcesses().find(
      (one) =>
        commandLine(one).includes('guardian.mjs') && commandLine(one).includes(join(this.dataDirectory, 'nodes', node)),
    );
    if (pid === undefined) throw new Error(`no guardian of ${node} runs`);
    return pid;
  }

  signalNode(node: string, signal: NodeJS.Signals): number {
    const pids = this.nodeProcesses(node);
    for (const pid of pids) send(pid, signal);
    return pids.length;
  }

  async api<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<T>> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, body: (text ? JSON.parse(text) : null) as T, headers: response.headers };
  }

  async nodes(): Promise<readonly ApiNode[]> {
    return (await this.api<ApiNode[]>('GET', '/cluster/nodes')).body;
  }

  async primary(group: string): Promise<string> {
    const { body } = await this.api<{ groups: { name: string; primary: string }[] }>('GET', '/cluster/topology');
    const primary = body.groups.find((one) => one.name === group)?.primary;
    if (!primary) throw new Error(`${group} has no primary`);
    return primary;
  }

  async leader(): Promise<string> {
    const { body } = await this.api<{ leader_node: string | null }>('GET', '/cluster/topology');
    if (!body.leader_node) throw new Error('the control store has no leader');
    return body.leader_node;
  }

  /** Waits for an operation to end and returns it. */
  async operation(
    id: string,
    timeoutMs = 60_000,
  ): Promise<{ state: string; timeline: { phase: string; ms: number }[]; error: unknown; [key: string]: unknown }> {
    return pollUntil(
      async () => {
        const { body } = await this.api<{ state: string; timeline: { phase: string; ms: number }[]; error: unknown }>(
          'GET',
          `/operations/${id}`,
        );
        return ['succeeded', 'failed', 'cancelled', 'compensated'].includes(body.state) ? body : undefined;
      },
      { timeoutMs, intervalMs: 50, what: `operation ${id} ended` },
    );
  }

  /** All nodes healthy, every group with its standbys streaming. */
  async healed(timeoutMs = 90_000): Promise<void> {
    await pollUntil(
      async () => {
        const { body } = await this.api<{ nodes: ApiNode[]; groups: { writable: boolean; degraded: boolean }[] }>(
          'GET',
          '/cluster/topology',
        );
        const well =
          body.nodes.every((node) => node.status === 'healthy') &&
          body.groups.every((group) => group.writable && !group.degraded);
        if (!well) throw new Error(body.nodes.map((node) => `${node.node_id} ${node.role} ${node.status}`).join(', '));
        return true;
      },
      { timeoutMs, intervalMs: 100, what: 'the cluster healed' },
    );
  }

  async service(name: string): Promise<pg.ClientConfig> {
    const { body } = await this.api<{ services?: ServiceRow[] } | ServiceRow[]>('GET', '/gds/services');
    const rows = Array.isArray(body) ? body : (body.services ?? []);
    const row = rows.find((one) => one.service_name === name);
    if (!row) throw new Error(`no service ${name}`);
    return { host: row.host, port: row.port, database: row.database, user: row.user, password: this.appPassword() };
  }

  async direct(node: string): Promise<pg.ClientConfig> {
    const found = (await this.nodes()).find((one) => one.node_id === node);
    if (!found) throw new Error(`no node ${node}`);
    return { host: '127.0.0.1', port: found.port, database: 'app', user: 'app', password: this.appPassword() };
  }

  appPassword(): string {
    return readFileSync(join(this.dataDirectory, 'secrets', 'app-password'), 'utf8').trim();
  }
}

type ServiceRow = { service_name: string; host: string; port: number; database: string; user: string };

/** One query on a connection of its own. */
export async function query<R extends pg.QueryResultRow>(
  config: pg.ClientConfig,
  text: string,
  values: unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

export async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? done(address.port) : fail(new Error('no port'))));
    });
  });
}

export function liveProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
      } catch {
        return false;
      }
    });
}

function processesTouching(path: string): readonly number[] {
  const inside = (other: string) => other === path || other.startsWith(`${path}/`);
  return liveProcesses().filter((pid) => {
    if (pid === process.pid) return false;
    return inside(workingDirectory(pid)) || commandLine(pid).some(inside) || environmentDirectory(pid, path);
  });
}

/** The launcher names its directory only in its environment. */
function environmentDirectory(pid: number, path: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`RUSTYDB_DATA_DIR=${path}`);
  } catch {
    return false;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

export function builtProduct(): boolean {
  return existsSync(resolve('dist/launcher.mjs'));
}

export { delay };
