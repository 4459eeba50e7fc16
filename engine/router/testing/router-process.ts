/** The router as its own process with real agent connections: agents live in the test, and say what the test's FakeCluster says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import pino from 'pino';
import { TcpInterconnect } from '../../interconnect/tcp-interconnect';
import type { RouterStatus } from '../../runtime/engine-api';
import type { FakeCluster } from './fake-cluster';
import { freePort } from './real-postgres';

/** One self-contained file, as the product runs it: a loader in between would cost CPU and memory that we measure. */
async function bundleInto(directory: string): Promise<string> {
  const outfile = join(directory, 'router.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '..', 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  return outfile;
}

const secret = 'a-secret-only-for-tests-0123456789';

/** Agents of the cluster's nodes; each says where its own interconnect is in the node records. */
export class Agents {
  readonly #interconnects: TcpInterconnect[] = [];
  readonly ports = new Map<string, number>();

  static async start(cluster: FakeCluster): Promise<Agents> {
    const agents = new Agents();
    for (const nodeId of Object.keys(cluster.nodes)) {
      const interconnect = new TcpInterconnect({
        self: { name: `node:${nodeId}`, kind: 'node', nodeId, incarnation: `incarnation-${nodeId}` },
        clusterId: 'test',
        secret,
        listen: { host: '127.0.0.1', port: 0 },
        logger: pino({ level: 'silent' }),
      });
      agents.#interconnects.push(interconnect);
      for (const method of ['node.route', 'store.localList', 'router.status'] as const) {
        interconnect.onRequest(`engine.${method}`, (params) => agents.#answer(cluster, nodeId, method, params));
      }
      interconnect.onStream('engine.route.stream', (_params, _from, push, signal) => {
        const stream = cluster.openRoutes(nodeId, push);
        signal.addEventListener('abort', () => stream.close());
      });
      const address = await interconnect.start();
      agents.ports.set(nodeId, address!.port);
    }
    return agents;
  }

  async #answer(cluster: FakeCluster, nodeId: string, method: 'store.localList', params: unknown): Promise<unknown>;
  async #answer(cluster: FakeCluster, nodeId: string, method: string, params: unknown): Promise<unknown>;
  async #answer(cluster: FakeCluster, nodeId: string, method: string, params: unknown): Promise<unknown> {
    const result = await cluster.requestNode(nodeId, method as 'store.localList', params as { prefix: string }, 0);
    if (method !== 'store.localList' || (params as { prefix: string }).prefix !== 'nodes/') return result;
    const entries = result.entries.map((entry) => {
      const value = entry.value as unknown as { id: string };
      return { ...entry, value: { ...value, agentPort: this.ports.get(value.id) } };
    });
    return { ...result, entries };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#interconnects.map((interconnect) => interconnect.stop()));
  }
}

export class RouterProcess {
  stderr = '';
  readonly exited: Promise<number | null>;

  private constructor(
    readonly child: ChildProcess,
    readonly directory: string,
    readonly ports: { readonly rw: number; readonly ro: number },
  ) {
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    child.stdout?.resume();
    this.exited = new Promise((resolve) => child.once('exit', resolve));
  }

  static async start(
    agents: Agents,
    change: Record<string, unknown> = {},
    nodeOptions: readonly string[] = [],
  ): Promise<RouterProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-router-process-'));
    const ports = { rw: await freePort(), ro: await freePort() };
    writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
    const service = (kind: 'rw' | 'ro') => ({
      service: `alpha-${kind}`,
      group: 'alpha',
      kind,
      host: '127.0.0.1',
      port: ports[kind],
    });
    const config = {
      clusterId: 'test',
      secretFile: join(directory, 'secret'),
      host: '127.0.0.1',
      seeds: [...agents.ports].map(([nodeId, port]) => ({ nodeId, host: '127.0.0.1', port })),
      services: [service('rw'), service('ro')],
      region: null,
      statusIntervalMs: 1_000,
      ...change,
    };
    const path = join(directory, 'router.json');
    writeFileSync(path, JSON.stringify(config));
    const child = spawn(process.execPath, [...nodeOptions, await bundleInto(directory), path], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    return new RouterProcess(child, directory, ports);
  }

  listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.child.once('message', () => resolve());
      void this.exited.then(() => reject(new Error(`the router exited: ${this.stderr}`)));
    });
  }

  /** CPU time used so far, user and system. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    // Fields 14 and 15 of the whole line, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  rssMb(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    await this.exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function lastStatus(cluster: FakeCluster): RouterStatus | undefined {
  return cluster.statuses.at(-1);
}
