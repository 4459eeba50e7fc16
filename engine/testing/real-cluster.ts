/**
 * A whole installation as a user starts it (`dist/launcher.mjs`), on its own ports and directory, for tests, benchmarks and the soak: its API, its
 * services, and the means to hurt it: kill or freeze single processes or whole nodes, found by what /proc says and not by what we report.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type pg from 'pg';
import type { NodeView } from '../cluster/model';
import { delay, pollUntil, withTimeout } from '../kernel/async';
import { ClusterDoor } from './cluster-door';
import { commandLine, liveProcesses, processesTouching, send, workingDirectory } from './process-table';

export type RealClusterOptions = {
  readonly topology?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep an existing directory (second start on the same data). */
  readonly dataDirectory?: string;
  readonly readyTimeoutMs?: number;
  /** How long an installation may take to stop before it is killed. */
  readonly stopTimeoutMs?: number;
  /** The programs to start; default: this build. */
  readonly dist?: string;
  /** As a user does: `npm start`, in the directory that holds the build. Default: the launcher itself. */
  readonly throughNpm?: boolean;
  /** Away from the caller's process group: Ctrl-C there is for the caller alone, who has to end the installation. */
  readonly ownProcessGroup?: boolean;
  /** Called before the first start. */
  readonly prepare?: (cluster: RealCluster) => void;
  /** `engine`: readiness and topology come from the agents, no console server is needed. Default: REST when the build has a server. */
  readonly through?: 'rest' | 'engine';
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
  #door: Promise<ClusterDoor> | null = null;
  readonly #through: 'rest' | 'engine';
  output = '';
  #dist: string;

  private constructor(
    readonly dataDirectory: string,
    readonly port: number,
    readonly apiKey: string,
    private readonly options: RealClusterOptions,
  ) {
    this.#dist = options.dist ?? distDirectory();
    this.#through = options.through ?? (existsSync(join(distDirectory(), 'server.mjs')) ? 'rest' : 'engine');
  }

  /** Starts and waits for /readyz. */
  static async start(options: RealClusterOptions = {}): Promise<RealCluster> {
    const directory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'rustydb-cluster-'));
    // PostgreSQL's user must get through.
    chmodSync(directory, 0o755);
    const cluster = new RealCluster(directory, await freePort(), `test-key-${'k'.repeat(24)}`, options);
    options.prepare?.(cluster);
    await cluster.launch();
    return cluster;
  }

  /** One that somebody else has started, and ends. */
  static running(dataDirectory: string, port: number, apiKey: string): RealCluster {
    return new RealCluster(dataDirectory, port, apiKey, { through: 'rest' });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async launch(): Promise<number> {
    const begun = performance.now();
    this.spawnLauncher();
    await this.ready(this.options.readyTimeoutMs ?? 60_000);
    return performance.now() - begun;
  }

  /** Without waiting for anything: for starts that do not get ready. */
  spawnLauncher(): void {
    // Set-up is not what is tested here: no build may happen under running tests.
    const [command, ...words] = this.options.throughNpm
      ? ['npm', 'start', '--ignore-scripts', '--silent']
      : [process.execPath, '--enable-source-maps', join(this.#dist, 'launcher.mjs')];
    const launcher = spawn(command!, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.options.throughNpm ? dirname(distDirectory()) : process.cwd(),
      env: { ...process.env, ...this.environment() },
      detached: this.options.ownProcessGroup ?? false,
    });
    launcher.stdout.on('data', (chunk: Buffer) => this.#note(chunk));
    launcher.stderr.on('data', (chunk: Buffer) => this.#note(chunk));
    this.#launcher = launcher;
  }

  environment(): Readonly<Record<string, string>> {
    return {
      RUSTYDB_DATA_DIR: this.dataDirectory,
      RUSTYDB_PORT: String(this.port),
      RUSTYDB_API_KEY: this.apiKey,
      RUSTYDB_REHEARSAL: '1',
      ...(this.options.topology ? { RUSTYDB_TOPOLOGY: this.options.topology } : {}),
      ...this.options.env,
    };
  }

  #note(chunk: Buffer): void {
    this.output = (this.output + chunk.toString()).slice(-20_000);
  }

  async ready(timeoutMs: number): Promise<void> {
    await pollUntil(
      async () => {
        if (this.#launcher && this.#launcher.exitCode !== null) throw new Error(`the launcher ended: ${this.output}`);
        if (this.#through === 'engine') return (await (await this.door()).writable()) || undefined;
        return (await fetch(`${this.url}/readyz`)).ok || undefined;
      },
      { timeoutMs, intervalMs: 50, what: `/readyz of ${this.url}` },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.output}`);
    });
  }

  /** The launcher goes and leaves everything running; one of another release has taken over when this returns. */
  async replaceLauncher(dist: string): Promise<void> {
    const launcher = this.#launcher;
    if (launcher && launcher.exitCode === null) {
      const ended = new Promise<void>((done) => launcher.once('exit', () => done()));
      launcher.kill('SIGUSR2');
      await withTimeout(ended, 10_000, 'the launcher leaves');
    }
    this.#dist = dist;
    this.output = '';
    this.spawnLauncher();
    // What it launches serves all the time, so readiness proves nothing.
    await pollUntil(() => this.#launcherMark() === this.#launcher?.pid || undefined, {
      timeoutMs: 60_000,
      intervalMs: 20,
      what: 'the next launcher has taken over',
    });
  }

  #launcherMark(): number | null {
    const file = join(this.dataDirectory, 'run', 'launcher.pid');
    try {
      return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
    } catch {
      return null;
    }
  }

  /** As Ctrl-C does. Returns the exit code. */
  async stop(): Promise<number | null> {
    const launcher = this.#launcher;
    if (!launcher || launcher.exitCode !== null) return launcher?.exitCode ?? null;
    const ended = new Promise<number | null>((done) => launcher.once('exit', done));
    launcher.kill('SIGTERM');
    const code = await withTimeout(ended, this.options.stopTimeoutMs ?? 90_000, 'stopping the installation');
    this.#launcher = null;
    return code;
  }

  /** Whatever still runs of this installation dies; the directory goes unless the caller keeps it. */
  async destroy(keepData = false): Promise<void> {
    await this.closeDoor();
    await this.stop().catch(() => null);
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

  /** The engine's own door, opened once. */
  door(): Promise<ClusterDoor> {
    this.#door ??= ClusterDoor.open(this.dataDirectory, 30_000);
    return this.#door;
  }

  async closeDoor(): Promise<void> {
    const door = this.#door;
    this.#door = null;
    await (await door?.catch(() => null))?.close();
  }

  get launcherPid(): number | null {
    return this.#launcher?.pid ?? null;
  }

  /** Node directories lie elsewhere when PostgreSQL's user can't reach the data directory. */
  nodeDirectory(node: string): string {
    const moved = join(this.dataDirectory, 'nodes-are-here');
    return join(existsSync(moved) ? realpathSync(moved) : join(this.dataDirectory, 'nodes'), node);
  }

  /** All live processes whose command line or working directory lies in this installation. */
  allProcesses(): readonly number[] {
    return processesTouching(this.dataDirectory);
  }

  /** Guardian, agent and every PostgreSQL process of one node. */
  nodeProcesses(node: string): readonly number[] {
    const directory = this.nodeDirectory(node);
    const config = join(this.dataDirectory, 'run', `${node}.json`);
    const own = (path: string) => path === directory || path === config || path.startsWith(`${directory}/`);
    return liveProcesses().filter(
      (pid) => pid !== process.pid && (own(workingDirectory(pid)) || commandLine(pid).some(own)),
    );
  }

  postgresProcesses(node: string): readonly number[] {
    const directory = join(this.nodeDirectory(node), 'pgdata');
    return liveProcesses().filter((pid) => workingDirectory(pid) === directory);
  }

  agentProcess(node: string): number {
    const config = join(this.dataDirectory, 'run', `${node}.json`);
    return this.#process(`agent of ${node}`, (words) => words.some(endsWith('agent.mjs')) && words.includes(config));
  }

  guardianProcess(node: string): number {
    const directory = `${this.nodeDirectory(node)}/`;
    return this.#process(
      `guardian of ${node}`,
      (words) => words.some(endsWith('guardian.mjs')) && words.some((word) => word.startsWith(directory)),
    );
  }

  #process(what: string, fits: (words: readonly string[]) => boolean): number {
    const pid = liveProcesses().find((one) => fits(commandLine(one)));
    if (pid === undefined) throw new Error(`no ${what} runs`);
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
    if (this.#through === 'engine') return (await (await this.door()).view()).nodes.map(apiNode);
    return (await this.api<ApiNode[]>('GET', '/cluster/nodes')).body;
  }

  async primary(group: string): Promise<string> {
    if (this.#through === 'engine') return (await this.door()).primary(group);
    const { body } = await this.api<{ groups: { name: string; primary: string }[] }>('GET', '/cluster/topology');
    const primary = body.groups.find((one) => one.name === group)?.primary;
    if (!primary) throw new Error(`${group} has no primary`);
    return primary;
  }

  async leader(): Promise<string> {
    if (this.#through === 'engine') return (await this.door()).leader();
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

  /** All nodes healthy, every group with its standbys streaming, no operation still running. */
  async healed(timeoutMs = 90_000): Promise<void> {
    if (this.#through === 'engine') return void (await (await this.door()).healed(timeoutMs));
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
        const running = await this.api<{ id: string; kind: string }[]>('GET', '/operations?state=running');
        if (running.body.length > 0)
          throw new Error(running.body.map((one) => `${one.kind} ${one.id} runs`).join(', '));
        return true;
      },
      { timeoutMs, intervalMs: 100, what: 'the cluster healed' },
    );
  }

  /** Where a service listens, as the launcher wrote it down: needs no server. */
  async service(name: string): Promise<pg.ClientConfig> {
    return this.#login(`service.${name}`);
  }

  /** PostgreSQL of one node itself, past the router. */
  async direct(node: string): Promise<pg.ClientConfig> {
    return this.#login(`${node}.postgres`);
  }

  #login(key: string): pg.ClientConfig {
    const ports = JSON.parse(readFileSync(join(this.dataDirectory, 'ports.json'), 'utf8')) as Record<string, number>;
    const port = ports[key];
    if (port === undefined) throw new Error(`no ${key} in ports.json`);
    return { host: '127.0.0.1', port, database: 'app', user: 'app', password: this.appPassword() };
  }

  appPassword(): string {
    return readFileSync(join(this.dataDirectory, 'secrets', 'app-password'), 'utf8').trim();
  }
}

const endsWith = (name: string) => (word: string) => word === name || word.endsWith(`/${name}`);

function apiNode(node: NodeView): ApiNode {
  return {
    node_id: node.record.id,
    group: node.record.group,
    role: node.role,
    status: node.status,
    lsn: node.report?.postgres.lsn ?? null,
    timeline: node.report?.postgres.timeline ?? null,
    port: node.record.postgresPort,
    agent_pid: node.report?.agentPid ?? null,
    postmaster_pid: node.report?.postgres.postmasterPid ?? null,
    data_directory: node.report?.dataDirectory ?? null,
  };
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

export function builtProduct(): boolean {
  return existsSync(join(distDirectory(), 'launcher.mjs'));
}

/** Another build than `dist/` may be tried: RUSTYDB_DIST. */
export function distDirectory(): string {
  return resolve(process.env.RUSTYDB_DIST || 'dist');
}

export { query } from './member-check';
export { liveProcesses, send } from './process-table';
export { delay };
