/** The fork check on real servers: what a member has beyond the primary's history is found before a byte is received or acknowledged. */
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NodeRecord } from '../cluster/model';
import { pollUntil } from '../kernel/async';
import { withFreshSession } from '../postgres/connection';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { checkFork } from './fork-check';
import type { NodeContext } from './node-context';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

/** The agent of `self` as far as the check needs it; its forwarder is the WAL door. */
function agentOf(self: TestNode, primary: TestNode): NodeContext {
  return {
    logger: pino({ level: 'silent' }),
    postgres: self.server,
    walSource: {
      setUpstream: () => {
        self.proxy.target = null;
        self.proxy.cut();
      },
    },
    interconnect: {
      request: async () => {
        const { timeline, lsn } = await primary.server.position();
        const history = await primary.server.timelineHistory();
        return { healthy: true, epoch: 2, timeline, history, currentLsn: lsn };
      },
    },
  } as unknown as NodeContext;
}

const record = { epoch: 2, timeline: 2, timelineHistory: [] };
const check = (self: TestNode, primary: TestNode) =>
  checkFork(agentOf(self, primary), { id: primary.configuration.nodeId } as NodeRecord, record);

function psql<T extends Record<string, unknown>>(node: TestNode, sql: string): Promise<T[]> {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'test' };
  return withFreshSession(endpoint, async (client) => (await client.query<T>(sql)).rows);
}

async function caughtUp(one: TestNode, other: TestNode): Promise<void> {
  await other.server.waitForReplay(await one.server.currentLsn(), 15_000);
}

/** A with B and C; C receives what B does not; A is lost and B is promoted. */
async function splitGroup() {
  const a = await fixture.primary('fork-a');
  const b = await fixture.standby('fork-b', a);
  const c = await fixture.standby('fork-c', a);
  const client = await fixture.client(a);
  await client.query('CREATE TABLE t (n int)');
  await caughtUp(a, b);
  b.proxy.target = null;
  b.proxy.cut();
  await client.query('INSERT INTO t SELECT generate_series(1, 20000)');
  await client.end();
  await caughtUp(a, c);
  await a.server.killAll();
  await b.server.stopReceiving(5000);
  await b.server.setRole('primary', 600_000);
  await b.server.promote(5000);
  return { a, b, c };
}

describe('a standby past the fork', () => {
  it('that was restarted is found diverged while it runs closed, and no walsender ever saw it', async () => {
    const { b, c } = await splitGroup();
    await c.server.stop('fast', 10_000);
    c.proxy.target = b.configuration.port;
    await c.server.start('standby', { slot: 'rustydb_fork_c', follow: false, timeoutMs: 30_000 });
    await b.server.keepSlots(['fork-c'], {});
    expect(await check(c, b)).toMatchObject({ kind: 'diverged' });
    // A slot that was ever used knows where its reader confirmed.
    const slots = await psql(b, `SELECT active, xmin FROM pg_replication_slots WHERE slot_name = 'rustydb_fork_c'`);
    expect(slots).toEqual([{ active: false, xmin: null }]);
    expect((await b.server.report()).senders).toEqual([]);
  });

  it('that never stopped is found, too, with what it received and has not replayed', async () => {
    const { b, c } = await splitGroup();
    expect(await check(c, b)).toMatchObject({ kind: 'diverged' });
    expect((await c.server.report()).walReceiver).toBeNull();
  });
});

describe('a standby on the primary’s own timeline', () => {
  it('follows when it has no more than the primary, and has diverged when it has', async () => {
    const one = await fixture.primary('same-1');
    const two = await fixture.standby('same-2', one);
    await caughtUp(one, two);
    expect(await check(two, one)).toEqual({ kind: 'can-follow', tagged: false });
    const verdict = await checkFork(
      {
        ...agentOf(two, one),
        interconnect: {
          request: async () => ({ healthy: true, epoch: 2, timeline: 1, history: [], currentLsn: '0/1000000' }),
        },
      } as unknown as NodeContext,
      { id: 'same-1' } as NodeRecord,
      record,
    );
    expect(verdict).toMatchObject({ kind: 'diverged' });
  });
});

describe('a standby that somebody promoted by hand', () => {
  it('is on a higher timeline, has diverged by that alone, and is copied anew from the lower one', async () => {
    const one = await fixture.primary('hand-1');
    const two = await fixture.standby('hand-2', one);
    await caughtUp(one, two);
    await psql(two, 'SELECT pg_promote()');
    await two.server.setRole('primary', 600_000);
    await psql(two, 'CHECKPOINT');
    await two.server.killAll();
    const { timeline, lsn } = await one.server.position();
    const reached = await two.server.compareWithFork(await one.server.timelineHistory(), timeline, lsn);
    expect(reached.kind).toBe('diverged');
    two.proxy.target = one.configuration.port;
    await two.server.baseBackup({
      slot: 'rustydb_hand_2',
      confirmedTimeline: timeline,
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    await two.server.start('standby', { slot: 'rustydb_hand_2', timeoutMs: 30_000 });
    await pollUntil(async () => ((await two.server.report()).walReceiver?.status === 'streaming' ? true : undefined), {
      timeoutMs: 15_000,
      intervalMs: 20,
      what: 'it streams again',
    });
    expect((await two.server.report()).timeline).toBe(1);
  });
});
