/**
 * The agent's superuser connections: this node's own unix socket only. Each is one kept connection on which one statement runs at a time;
 * a statement that takes too long costs the connection, never the caller's patience.
 */
import type pg from 'pg';
import { SerialQueue, withTimeout } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { inSqlSpan } from '../kernel/tracing';
import { scramOnlyClient } from './scram-only';
import { sessionOptions } from './session-options';
import { superuser } from './settings';

export type LocalEndpoint = {
  readonly socketDirectory: string;
  readonly port: number;
  readonly password: string;
  readonly database?: string;
  readonly purpose: string;
  /** Settings of this session that differ from what all of ours pin. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type Row = Record<string, unknown>;

export function localClient(endpoint: LocalEndpoint): pg.Client {
  const client = scramOnlyClient({
    host: endpoint.socketDirectory,
    port: endpoint.port,
    user: superuser,
    password: endpoint.password,
    database: endpoint.database ?? 'postgres',
    application_name: endpoint.purpose,
    connectionTimeoutMillis: 2000,
    options: sessionOptions('superuser', endpoint.settings),
  });
  client.on('error', () => undefined);
  return client;
}

export class LocalConnection {
  #client: pg.Client | null = null;
  readonly #queue: SerialQueue;
  #closed = false;

  /** `traced`: statements appear in the trace of the command that they are part of. */
  constructor(
    private readonly endpoint: () => LocalEndpoint,
    private readonly traced = false,
  ) {
    this.#queue = new SerialQueue('PostgreSQL control connection', 64);
  }

  /** Rows of one statement. `name` makes it a prepared statement of this connection. */
  query<T extends Row = Row>(
    text: string,
    options: { values?: unknown[]; name?: string; timeoutMs?: number } = {},
  ): Promise<T[]> {
    const run = () => this.#query<T>(text, options);
    return this.#queue.run(() => (this.traced ? inSqlSpan(text, run) : run()));
  }

  async #query<T extends Row>(
    text: string,
    options: { values?: unknown[]; name?: string; timeoutMs?: number },
  ): Promise<T[]> {
    const client = await this.#connected();
    try {
      const result = client.query<T>({ text, values: options.values, name: options.name });
      return (await withTimeout(result, options.timeoutMs ?? 5000, 'PostgreSQL’s answer')).rows;
    } catch (error) {
      // SQL errors (they have a five-character code) leave the connection usable; everything else does not.
      if (!/^[0-9A-Z]{5}$/.test(sqlState(error) ?? '') || /^(57P0|08)/.test(sqlState(error) ?? '')) this.reset();
      throw error;
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#closed) throw new ClusterError('UNAVAILABLE', 'closed');
    if (this.#client) return this.#client;
    const client = localClient(this.endpoint());
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    const forget = () => {
      if (this.#client === client) this.#client = null;
    };
    client.on('error', forget);
    client.on('end', forget);
    this.#client = client;
    return client;
  }

  /** Drops the connection; the next query makes a new one. */
  reset(): void {
    const client = this.#client;
    this.#client = null;
    if (!client) return;
    // Not end(): that waits for a hung statement.
    const stream = (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream;
    stream?.destroy();
  }

  close(): void {
    this.#closed = true;
    this.reset();
  }
}

/** A session of its own: it sees configuration as a new backend does. */
export async function withFreshSession<T>(endpoint: LocalEndpoint, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = localClient(endpoint);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
