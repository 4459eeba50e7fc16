import { connect, type Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
}, 60_000);
afterEach(() => fixture.reset(), 60_000);
afterAll(() => fixture.close(), 60_000);

/** Once the names of roles and databases are known, as they are some time after a start. */
async function known(node: TestNode): Promise<void> {
  await told(node, 'a full report', ({ databaseBytes }) => databaseBytes !== null);
}

type Report = Awaited<ReturnType<TestNode['server']['report']>>;

function told(node: TestNode, what: string, holds: (report: Report) => boolean): Promise<Report> {
  return pollUntil(
    async () => {
      const report = await node.server.report();
      return holds(report) ? report : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 100, what },
  );
}

/** As fast as one session can take them, until there is none left. */
async function takeAllLocks(client: pg.Client): Promise<void> {
  let taken = 0;
  for (const step of [5_000, 1_000, 100, 10, 1]) {
    const more = () =>
      client.query('SELECT count(pg_advisory_lock(n)) FROM generate_series($1::int, $2::int) AS n', [
        taken + 1,
        taken + step,
      ]);
    while (await more().then(Boolean, () => false)) taken += step;
  }
}

const pidOf = async (client: pg.Client) =>
  (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
const comesIn = (node: TestNode) => fixture.client(node).then((client) => client.end());

describe('a server whose connections are all taken', () => {
  it('is told as one that lets nobody in, until it does again', async () => {
    const primary = await fixture.primary('crowded');
    await known(primary);
    const clients: pg.Client[] = [];
    // Again with each look: a session of the agent's that was there for a moment may have left a place.
    const takeAll = async () => {
      for (let refused = false; !refused; ) {
        const more = await Promise.allSettled(Array.from({ length: 20 }, () => fixture.client(primary)));
        for (const one of more) {
          if (one.status === 'fulfilled') clients.push(one.value);
          else refused = true;
        }
      }
    };
    const { serviceTrouble, lsn } = await pollUntil(
      async () => {
        await takeAll();
        const report = await primary.server.report();
        return report.serviceTrouble ? report : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 100, what: 'trouble' },
    );
    expect(serviceTrouble).toMatchObject({ kind: 'no-new-sessions', sqlState: '53300' });
    expect(lsn).not.toBeNull();
    await Promise.all(clients.map((client) => client.end()));
    await told(primary, 'no trouble', (report) => !report.serviceTrouble);
  });

  it('ends those that do not sign in long before PostgreSQL would, down to a quarter of all', async () => {
    const primary = await fixture.primary('strangers');
    await known(primary);
    const user = Buffer.from('user\0app\0database\0app\0\0');
    const packet = Buffer.alloc(8);
    packet.writeInt32BE(user.length + 8, 0);
    packet.writeInt32BE(196_608, 4);
    await primary.server.applySettings({ authentication_timeout: '600s' });
    let closed = 0;
    const sockets: Socket[] = Array.from({ length: 230 }, () => {
      const socket = connect(primary.configuration.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => closed++);
      // Unread, a socket never tells its end.
      socket.resume();
      socket.write(Buffer.concat([packet, user]));
      return socket;
    });
    await told(primary, 'strangers are ended', () => closed >= 100);
    await comesIn(primary);
    for (const socket of sockets) socket.destroy();
  });
});

describe('a server whose lock table is full', () => {
  it('still tells its agent where it is, and who holds the locks; that session can be ended', async () => {
    const primary = await fixture.primary('locked');
    const standby = await fixture.standby('locked-2', primary);
    await known(primary);
    const client = await fixture.client(primary);
    const pid = await pidOf(client);
    await takeAllLocks(client);
    await expect(fixture.client(primary)).rejects.toMatchObject({ code: '53200' });
    const report = await told(primary, 'holders', (one) => (one.serviceTrouble?.lockHolders.length ?? 0) > 0);
    expect(report.serviceTrouble).toMatchObject({
      kind: 'no-new-sessions',
      sqlState: '53200',
      lockHolders: [{ pid, user: 'app', database: 'app' }],
    });
    expect(report).toMatchObject({ state: 'primary', lsn: expect.any(String) });
    expect(report.senders.map((sender) => sender.applicationName)).toEqual(['locked-2']);
    expect((await primary.server.sessions()).map((session) => session.pid)).toContain(pid);
    expect(await primary.server.endSession(pid, 'terminate')).toBe(true);
    await told(primary, 'no trouble', (one) => !one.serviceTrouble);
    await comesIn(primary);
    await standby.server.waitForReplay(await primary.server.currentLsn(), 20_000);
  });

  it('names a prepared transaction, which no session holds', async () => {
    const primary = await fixture.primary('prepared');
    await known(primary);
    const client = await fixture.client(primary);
    await client.query('BEGIN');
    await client.query('SELECT count(pg_advisory_xact_lock(-n)) FROM generate_series(1, 30000) AS n');
    await client.query(`PREPARE TRANSACTION 'left behind'`);
    await takeAllLocks(client);
    const { serviceTrouble } = await told(primary, 'holders', ({ serviceTrouble: one }) =>
      Boolean(one?.lockHolders.length),
    );
    expect(serviceTrouble!.lockHolders[0]).toMatchObject({
      pid: null,
      prepared: 'left behind',
      user: 'app',
    });
    await client.end();
    await told(primary, 'no trouble', (one) => !one.serviceTrouble);
  });

  it('as a standby ends the reader that filled it, before replay wants a lock', async () => {
    const primary = await fixture.primary('reader-1');
    const standby = await fixture.standby('reader-2', primary);
    await known(standby);
    const reader = await fixture.client(standby);
    const ended: Error[] = [];
    reader.on('error', (error) => ended.push(error));
    await takeAllLocks(reader);
    await told(standby, 'the reader is ended', () => ended.length > 0);
    const owner = await fixture.client(primary);
    await owner.query('CREATE TABLE locked (a int)');
    await owner.query('TRUNCATE locked');
    await owner.end();
    await standby.server.waitForReplay(await primary.server.currentLsn(), 20_000);
    expect((await standby.server.report()).state).toBe('standby');
  });
});
