/** What somebody does by hand: statements as the node's superuser, over the socket that only root and PostgreSQL's user reach. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { localClient } from '../postgres/connection';
import type { TestNode } from './pg-fixture';
import type { RealCluster } from './real-cluster';

/** Wins over whatever was set for a role or a database: hands must be able to take back what they did. */
const pinned =
  '-c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed -c idle_session_timeout=0 -c synchronous_commit=local -c role=none';

export async function asSuperuser<T extends pg.QueryResultRow>(
  cluster: RealCluster,
  node: string,
  ...statements: readonly string[]
): Promise<T[]> {
  const client = new pg.Client({
    ...superuserLogin(cluster, node),
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: T[] = [];
    for (const statement of statements) rows = (await client.query<T>(statement)).rows;
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function superuserLogin(cluster: RealCluster, node: string): pg.ClientConfig {
  const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(cluster.dataDirectory, ...path), 'utf8')) as T;
  const { superuser } = read<{ superuser: string }>('secrets', 'postgres.json');
  const config = read<{ socketDirectory: string; postgresPort: number }>('run', `${node}.json`);
  return {
    host: config.socketDirectory,
    port: config.postgresPort,
    user: 'rustydb',
    password: superuser,
    database: 'app',
    options: pinned,
  };
}

/** As the superuser of one server of a `PgFixture`; the caller ends it. */
export async function superuserOf(node: TestNode) {
  const client = localClient({
    socketDirectory: node.configuration.paths.socketDirectory,
    port: node.configuration.port,
    password: node.configuration.passwords.superuser,
    purpose: 'test',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
