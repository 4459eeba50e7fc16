/**
 * The way of WAL on real servers: straight to whom the service file names; nobody is reached once it is closed, also by a walreceiver that a startup
 * process with old settings begins; through the relay while a fault acts, and back; a server of an earlier release goes on through the relay.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../interconnect/api';
import { WalProxy } from '../interconnect/wal-proxy';
import { pollUntil } from '../kernel/async';
import { systemLoop } from '../kernel/loop';
import { systemFiles } from '../kernel/small-files';
import { withFreshSession } from '../postgres/connection';
import { PgServer } from '../postgres/server';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { WalSource } from './wal-source';

let fixture: PgFixture;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await fixture.reset();
});
afterAll(() => fixture.close());

const logger = pino({ level: 'silent' });
const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 20_000, intervalMs: 10, what });

type Member = TestNode & {
  readonly source: WalSource;
  readonly relay: WalProxy;
  readonly file: string;
  setFaults(faults: readonly Fault[]): Promise<void>;
};

/** As an agent has it; `relayed`: its server was started by a release that knows no service file. */
async function member(id: string, options: { relayed?: boolean } = {}): Promise<Member> {
  const { proxy, ...bare } = await fixture.configuration(id);
  let faults: readonly Fault[] = [];
  const relay = new WalProxy({ nodeId: id, listenHost: '127.0.0.1', listenPort: 0, logger, faults: () => faults });
  const walProxyPort = await relay.start();
  await proxy.close();
  const file = join(bare.paths.nodeDirectory, 'wal-source.conf');
  const configuration = { ...bare, walProxyPort, ...(options.relayed ? {} : { serviceFile: file }) };
  const server = fixture.attach(configuration);
  const source = new WalSource({
    ...{ file, files: systemFiles, relay, relayPort: walProxyPort, postgres: server, faults: () => faults },
    ...{ resolve: (host: string) => host, loop: systemLoop, logger },
  });
  stops.push(() => {
    source.stop();
    return relay.stop();
  });
  const setFaults = async (wanted: readonly Fault[]) => {
    await source.beforeFaults(wanted);
    faults = wanted;
    source.applyFaults();
  };
  return { server, configuration, proxy, source, relay, file, setFaults };
}

const addressOf = (node: TestNode) => ({
  node: node.configuration.nodeId,
  host: '127.0.0.1',
  port: node.configuration.port,
});
const slotOf = (node: TestNode) => `rustydb_${node.configuration.nodeId.replaceAll('-', '_')}`;

async function follows(node: Member, primary: TestNode): Promise<Member> {
  mkdirSync(node.configuration.paths.nodeDirectory, { mode: 0o755 });
  node.source.begin();
  node.source.setUpstream(addressOf(primary));
  const slot = slotOf(node);
  await node.server.baseBackup({ slot, onProgress: () => undefined, signal: new AbortController().signal });
  await node.server.start('standby', { slot, timeoutMs: 30_000 });
  await streams(node, primary);
  return node;
}

function sql<T extends Record<string, unknown>>(node: TestNode, text: string): Promise<T[]> {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'test' };
  return withFreshSession(endpoint, async (client) => (await client.query<T>(text)).rows);
}

const streams = (node: TestNode, primary: TestNode) =>
  until(`${node.configuration.nodeId} streams`, async () => {
    await node.server.waitForReplay(await primary.server.currentLsn(), 5_000);
    return (await receiverOf(node))?.status === 'streaming' || undefined;
  });

async function receiverOf(node: TestNode) {
  const [row] = await sql<{ pid: number; status: string; sender_port: number }>(
    node,
    'SELECT pid, status, sender_port FROM pg_stat_wal_receiver',
  );
  return row;
}

const partition = (): Fault => ({
  ...{ peer: null, direction: 'both', channel: 'wal', kind: 'partition' },
  until: new Date(Date.now() + 60_000).toISOString(),
});

describe('the way of WAL', () => {
  it('leads straight to the primary, and the relay has no part in it', async () => {
    const one = await fixture.primary('way-1');
    const two = await follows(await member('way-2'), one);
    expect((await receiverOf(two))?.sender_port).toBe(one.configuration.port);
    await until('only the copy went through the relay', () => two.relay.stats().connections === 0 || undefined);
    const [row] = await sql<{ source: string }>(two, `SELECT current_setting('primary_conninfo') AS source`);
    expect(row!.source).toContain("service='rustydb'");
    expect(row!.source).not.toContain('port');
    expect(readFileSync(two.file, 'utf8')).toBe(`[rustydb]\nhostaddr=127.0.0.1\nport=${one.configuration.port}\n`);
  });

  it('leads to another primary without a change of settings, and what had read the old one is ended', async () => {
    const one = await fixture.primary('move-1');
    const two = await follows(await member('move-2'), one);
    const before = (await receiverOf(two))!.pid;
    const other = createServer((socket) => socket.destroy());
    const port = await listening(other);
    two.source.setUpstream({ node: 'move-3', host: '127.0.0.1', port });
    await until(
      'nothing is received from the old one',
      async () => (await receiverOf(two))?.pid !== before || undefined,
    );
    await new Promise((resolve) => other.once('connection', resolve));
    two.source.setUpstream(addressOf(one));
    await streams(two, one);
    expect((await receiverOf(two))!.pid).not.toBe(before);
  });

  it('is closed for a walreceiver that begins although its server was told to follow nobody', async () => {
    const one = await fixture.primary('stale-1');
    const two = await follows(await member('stale-2'), one);
    const writer = await fixture.client(one);
    await writer.query('CREATE TABLE t (n int)');
    two.source.setUpstream(null);
    // A startup process that has not read the empty primary_conninfo yet asks for receivers as before; here it has nothing to read.
    await until('no walreceiver runs', async () => ((await receiverOf(two)) === undefined ? true : undefined));
    const end = await one.server.currentLsn();
    await writer.query('INSERT INTO t SELECT generate_series(1, 1000)');
    await writer.end();
    const refused = await until('a walreceiver began and found nobody', async () => {
      const { lines } = await two.server.logs({ limit: 50, level: null, contains: 'definition of service' });
      return lines.length > 0 || undefined;
    });
    expect(refused).toBe(true);
    const position = await two.server.stopReceiving(10_000);
    expect(BigInt(`0x${position.lsn.split('/')[1]}`) <= BigInt(`0x${end.split('/')[1]}`)).toBe(true);
    expect(await sql(one, 'SELECT 1 FROM pg_stat_replication')).toEqual([]);
  });

  it('is closed by a new life of the agent before that looks at anything', async () => {
    const one = await fixture.primary('life-1');
    const two = await follows(await member('life-2'), one);
    const server = new PgServer(two.configuration);
    stops.push(() => server.close());
    await server.adopt();
    const source = new WalSource({
      ...{ file: two.file, files: systemFiles, relay: two.relay, relayPort: 1, postgres: server, faults: () => [] },
      ...{ resolve: (host: string) => host, loop: systemLoop, logger },
    });
    source.begin();
    expect(readFileSync(two.file, 'utf8')).toBe('');
    await until('no walreceiver runs', async () => ((await receiverOf(two)) === undefined ? true : undefined));
    source.setUpstream(addressOf(one));
    await streams(two, one);
  });

  it('goes through the relay before a fault acts, and straight again when that is over', async () => {
    const one = await fixture.primary('fault-1');
    const two = await follows(await member('fault-2'), one);
    await until('the copy is over', () => two.relay.stats().connections === 0 || undefined);
    await two.setFaults([partition()]);
    // The connection stands when the fault begins: the primary hears nothing, also not that it ended.
    expect(two.relay.stats().proven).toBe(1);
    expect(await sql(one, 'SELECT 1 FROM pg_stat_replication')).toHaveLength(1);
    const writer = await fixture.client(one);
    await writer.query('CREATE TABLE held (n int)');
    await writer.end();
    await two.setFaults([]);
    await streams(two, one);
    await until(
      'straight again',
      async () => (await receiverOf(two))?.sender_port === one.configuration.port || undefined,
    );
    await until('nothing in the relay', () => two.relay.stats().connections === 0 || undefined);
  });

  it('stays the relay for a server that knows no service file, until its next start', async () => {
    const one = await fixture.primary('old-1');
    const two = await follows(await member('old-2', { relayed: true }), one);
    const configuration = { ...two.configuration, serviceFile: two.file };
    const server = new PgServer(configuration);
    stops.push(() => server.close());
    await server.adopt();
    await server.follow(slotOf(two));
    await streams(two, one);
    expect((await receiverOf(two))?.sender_port).toBe(two.configuration.walProxyPort);
    await server.stop('fast', 20_000);
    await server.start('standby', { slot: slotOf(two), timeoutMs: 20_000 });
    await streams(two, one);
    expect((await receiverOf(two))?.sender_port).toBe(one.configuration.port);
  });
});

describe('the file', () => {
  it('belongs to us, can be read by PostgreSQL and tells nothing but an address', async () => {
    const node = await member('file-1');
    mkdirSync(node.configuration.paths.nodeDirectory, { mode: 0o755 });
    node.source.begin();
    expect(await systemFiles.stat(node.file)).toMatchObject({ size: 0 });
    expect(existsSync(`${node.file}.new`)).toBe(false);
  });
});

function listening(server: Server): Promise<number> {
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}
