import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asks, FakePostgres } from '../testing/fake-postgres';
import type { PostgresConfiguration } from './api';
import { cloneFromPrimary } from './base-backup';
import { LocalConnection, type LocalEndpoint, withFreshSession } from './connection';
import { scramOnlyClient } from './scram-only';

const password = 'a-password-of-tests';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-scram-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const endpoint = (): LocalEndpoint => ({ socketDirectory: directory, port: 1, password, purpose: 'test' });

/** What a session of each kind does against a server at `port`, and on the socket in `directory`. */
const clients: readonly (readonly [string, (port: number) => Promise<unknown>])[] = [
  ['the agent’s kept session', () => new LocalConnection(endpoint).query('SELECT 1')],
  ['a session of its own', () => withFreshSession(endpoint(), (client) => client.query('SELECT 1'))],
  [
    'a session that changes a slot',
    async () => {
      const client = scramOnlyClient({
        host: directory,
        port: 1,
        user: 'rustydb',
        password,
        ...{ replication: 'database' },
      });
      client.on('error', () => undefined);
      await client.connect();
    },
  ],
  ['a clone', (port) => cloneFromPrimary(cloning(port), { slot: 's', onProgress: () => undefined, signal })],
];
const { signal } = new AbortController();

function cloning(port: number): PostgresConfiguration {
  return {
    nodeId: 'node-1',
    paths: { nodeDirectory: directory, dataDirectory: join(directory, 'pgdata') },
    walProxyPort: port,
    passwords: { replication: password },
    runAs: null,
  } as unknown as PostgresConfiguration;
}

const refusals: readonly (readonly [Asks, RegExp])[] = [
  ['cleartext', /asked for the password in clear instead of SCRAM-SHA-256.*told nothing/],
  ['md5', /asked for an MD5 of the password/],
  ['nothing', /let us in without a proof/],
  ['wrong-scram', /server signature does not match/],
];

describe.each(refusals)('a server that answers with %s', (asks, words) => {
  it.each(clients)('is told nothing by %s', async (_, act) => {
    const tcp = await FakePostgres.listen({ port: 0 }, asks);
    const local = await FakePostgres.listen({ path: join(directory, '.s.PGSQL.1') }, asks);
    try {
      await expect(act(tcp.port)).rejects.toThrow(words);
      for (const { heard, told } of [tcp, local]) {
        expect(heard).not.toContain(password);
        // No answer at all; to SCRAM its two messages, which say nothing without the verifier, and no statement.
        expect(told).toEqual(told.length === 0 || asks !== 'wrong-scram' ? [] : ['p', 'p']);
      }
    } finally {
      await tcp.close();
      await local.close();
    }
  });
});

it('every session of ours is such a client', () => {
  const engine = join(dirname(fileURLToPath(import.meta.url)), '..');
  const makers = ['engine', 'server', 'cli']
    .flatMap((top) =>
      readdirSync(join(engine, '..', top), { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)),
    )
    .filter((path) => path.endsWith('.ts') && !/testing\/|\.test\.ts$|\.bench\.ts$/.test(path))
    .filter((path) =>
      /new pg\.(Client|Pool)\(|import \{[^}]*\b(Client|Pool)\b[^}]*\} from 'pg'/.test(
        readFileSync(join(engine, '..', path), 'utf8'),
      ),
    );
  expect(makers).toEqual(['engine/postgres/scram-only.ts']);
});
