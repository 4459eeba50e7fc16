/** A router in this process in front of a fake cluster, for one test. */
import pg from 'pg';
import pino from 'pino';
import { pollUntil } from '../../kernel/async';
import type { RouterStatus } from '../../runtime/engine-api';
import type { RouterConfig } from '../config';
import type { RouterLimits } from '../limits';
import { Router } from '../router';
import type { FakeCluster } from './fake-cluster';
import { password } from './real-postgres';

export function eventually(what: string, probe: () => boolean | Promise<boolean>, timeoutMs = 8_000): Promise<true> {
  return pollUntil(async () => ((await probe()) ? true : undefined), { what, timeoutMs, intervalMs: 5 });
}

export class TestRouter {
  readonly #clients: pg.Client[] = [];

  private constructor(
    readonly router: Router,
    readonly cluster: FakeCluster,
  ) {}

  static async start(
    cluster: FakeCluster,
    options: {
      readonly limits?: Partial<RouterLimits>;
      readonly tls?: RouterConfig['tls'];
      readonly region?: string;
    } = {},
  ): Promise<TestRouter> {
    const service = (kind: 'rw' | 'ro') =>
      ({ service: `alpha-${kind}`, group: 'alpha', kind, host: '127.0.0.1', port: 0 }) as const;
    const router = new Router({
      config: {
        clusterId: 'test',
        secretFile: '',
        host: '127.0.0.1',
        seeds: [],
        services: [service('rw'), service('ro')],
        region: options.region ?? null,
        statusIntervalMs: 100,
        tls: options.tls ?? null,
      },
      link: cluster,
      logger: pino({ level: 'silent' }),
      limits: options.limits,
    });
    await router.start();
    return new TestRouter(router, cluster);
  }

  service(kind: 'rw' | 'ro'): RouterStatus['services'][number] {
    return this.router.status().services.find((service) => service.kind === kind)!;
  }

  async knows(node: string, state: string, kind: 'rw' | 'ro' = 'rw'): Promise<void> {
    await eventually(`${kind} sees ${node} ${state}`, () =>
      this.service(kind).endpoints.some((endpoint) => endpoint.node === node && endpoint.state === state),
    );
  }

  client(kind: 'rw' | 'ro', more: pg.ClientConfig = {}): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.service(kind).port,
      user: 'app',
      password,
      database: 'postgres',
      application_name: 'router-test',
      ...more,
    });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async connect(kind: 'rw' | 'ro', more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = this.client(kind, more);
    await client.connect();
    return client;
  }

  /** Which server a new connection reaches. */
  async who(kind: 'rw' | 'ro'): Promise<string> {
    const client = await this.connect(kind);
    try {
      return await nameOf(client);
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end().catch(() => {})));
    await this.router.stop();
  }
}

export async function nameOf(client: pg.Client): Promise<string> {
  const result = await client.query<{ name: string }>('select name from whoami');
  return result.rows[0]!.name;
}

/** Settles with the error that ends an idle connection. */
export function endOf(client: pg.Client): Promise<{ code?: string; message: string }> {
  return new Promise((resolve) => client.once('error', resolve));
}
