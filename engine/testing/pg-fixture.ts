/** Real PostgreSQL servers for tests: fresh directories, free ports, a TCP forwarder in the WAL proxy's place, and nothing left behind. */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import pg from 'pg';
import type { PostgresConfiguration, RolePasswords } from '../postgres/api';
import { findNativeDirectory, hydrateSymlinks, sharedUser } from '../postgres/native';
import { killAllIn, killQuietly } from '../postgres/processes';
import { PgServer } from '../postgres/server';

const passwords: RolePasswords = {
  superuser: 'super-secret-of-tests',
  replication: 'repl:secret\\of-tests',
  monitor: 'monitor-secret-of-tests',
  query: 'query-secret-of-tests',
  app: "app-secret'of-tests",
};

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Plays the WAL proxy: forwards to whichever port it is pointed at; `target = null` refuses. */
export class Forwarder {
  target: number | null = null;
  #server: Server;
  #sockets = new Set<Socket>();
  readonly #upstreams = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#forward(socket));
  }

  static async listen(): Promise<Forwarder> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Forwarder(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #forward(socket: Socket): void {
    if (this.target === null) return void socket.destroy();
    const upstream = connect(this.target, '127.0.0.1');
    this.#upstreams.add(upstream);
    upstream.on('close', () => this.#upstreams.delete(upstream));
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  /** Ends the connections that are open once this many bytes more have come from the primary, and refuses new ones: a primary that dies in mid-sentence. */
  cutAfter(bytes: number): void {
    let left = bytes;
    for (const upstream of this.#upstreams) {
      upstream.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) return;
        this.target = null;
        this.cut();
      });
    }
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export type TestNode = {
  readonly server: PgServer;
  readonly configuration: PostgresConfiguration;
  readonly proxy: Forwarder;
};

export class PgFixture {
  readonly root: string;
  readonly #nodes: TestNode[] = [];
  readonly #servers: PgServer[] = [];
  readonly #guardians = new Set<number>();

  private constructor() {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'rustydb-pg-')));
    // mkdtemp makes 0700: the unprivileged user has to pass.
    chmodSync(this.root, 0o755);
  }

  /** The agent as a program of its own, for what its death or its rights do; its path. */
  async agentProgram(): Promise<string> {
    const outfile = join(this.root, 'agent.mjs');
    await build({
      entryPoints: [join(import.meta.dirname, 'pg-agent-process.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'silent',
      banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    });
    return outfile;
  }

  static async create(): Promise<PgFixture> {
    const fixture = new PgFixture();
    await build({
      entryPoints: [join(import.meta.dirname, '../postgres/guardian.ts')],
      outfile: join(fixture.root, 'guardian.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'silent',
    });
    process.env.RUSTYDB_GUARDIAN = join(fixture.root, 'guardian.mjs');
    return fixture;
  }

  async configuration(
    id: string,
    directory = join(this.root, id),
  ): Promise<PostgresConfiguration & { proxy: Forwarder }> {
    const proxy = await Forwarder.listen();
    const nativeDirectory = findNativeDirectory(process.cwd());
    hydrateSymlinks(nativeDirectory);
    return {
      nodeId: id,
      paths: {
        nodeDirectory: directory,
        dataDirectory: join(directory, 'pgdata'),
        socketDirectory: join(directory, 's'),
        logDirectory: join(directory, 'log'),
        guardianSocket: join(directory, 'guardian.sock'),
      },
      nativeDirectory,
      host: '127.0.0.1',
      port: await freePort(),
      passwords,
      runAs: sharedUser(),
      walProxyPort: proxy.port,
      proxy,
    };
  }

  async node(id: string, directory?: string): Promise<TestNode> {
    const { proxy, ...configuration } = await this.configuration(id, directory);
    const node = { server: this.attach(configuration), configuration, proxy };
    this.#nodes.push(node);
    return node;
  }

  /** Another agent of the same node: what a restarted agent is. */
  attach(configuration: PostgresConfiguration): PgServer {
    const server = new PgServer(configuration);
    this.#servers.push(server);
    return server;
  }

  /** A primary that serves until the end of the test. */
  async primary(id: string): Promise<TestNode> {
    const node = await this.node(id);
    await node.server.bootstrap();
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    return node;
  }

  /** A clone of `of` that follows it. */
  async standby(id: string, of: TestNode, options: { commitsWait?: boolean } = {}): Promise<TestNode> {
    const node = await this.node(id);
    node.proxy.target = of.configuration.port;
    const slot = `rustydb_${id.replaceAll('-', '_')}`;
    await node.server.baseBackup({ slot, onProgress: () => undefined, signal: new AbortController().signal });
    await node.server.start('standby', { slot, timeoutMs: 30_000, ...options });
    return node;
  }

  /** A client session as `app` (or another login) over TCP. */
  async client(
    node: TestNode,
    options: { user?: string; password?: string; database?: string } = {},
  ): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: node.configuration.port,
      user: options.user ?? 'app',
      password: options.password ?? passwords.app,
      database: options.database ?? 'app',
      connectionTimeoutMillis: 5000,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  remember(pid: number | null): void {
    if (pid !== null) this.#guardians.add(pid);
  }

  /** Ends all nodes made so far and removes their directories. */
  async reset(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      this.remember(server.guardianPid());
      await server.close();
    }
    for (const pid of this.#guardians) killQuietly(pid, 'SIGKILL');
    this.#guardians.clear();
    const nodes = this.#nodes.splice(0);
    await Promise.all(nodes.map((node) => killAllIn(node.configuration.paths.dataDirectory, 10_000)));
    await Promise.all(nodes.map((node) => node.proxy.close()));
    for (const node of nodes) rmSync(node.configuration.paths.nodeDirectory, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.reset();
    rmSync(this.root, { recursive: true, force: true });
  }
}
