import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { lagBytes } from '../kernel/lsn';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 15_000, intervalMs: 10, what });

async function count(node: TestNode): Promise<number> {
  const client = await fixture.client(node);
  try {
    return Number((await client.query('SELECT count(*) FROM t')).rows[0].count);
  } finally {
    await client.end();
  }
}

describe('a group of three', () => {
  it('clones, follows, promises, promotes, and the second standby follows the new primary', async () => {
    const one = await fixture.primary('node-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await client.query('INSERT INTO t SELECT generate_series(1, 1000)');
    const two = await fixture.standby('node-2', one);
    const three = await fixture.standby('node-3', one);
    await one.server.keepSlots(['node-2', 'node-3'], {});
    await one.server.setSynchronousStandbys(['node-2', 'node-3'], 1);
    expect((await one.server.report()).synchronousStandbyNames).toBe('ANY 1 ("node-2","node-3")');

    await client.query('INSERT INTO t VALUES (1001)');
    const report = await until('both stream', async () => {
      const r = await one.server.report();
      return r.senders.filter((s) => s.state === 'streaming' && s.syncState === 'quorum').length === 2 ? r : undefined;
    });
    expect(report.state).toBe('primary');
    await two.server.waitForReplay(report.lsn!, 5000);
    expect(await count(two)).toBe(1001);
    expect(await two.server.report()).toMatchObject({ walReceiver: { status: 'streaming' }, replayLagMs: 0 });

    // The old primary dies; both promise; the more advanced is promoted.
    await client.end();
    await one.server.killAll();
    expect(await one.server.isDead()).toBe(true);
    const a = await two.server.stopReceiving(5000);
    const b = await three.server.stopReceiving(5000);
    // With nothing left to replay: what is written meanwhile it is not told.
    const cutOff = await two.server.report();
    expect(cutOff.walReceiver).toBeNull();
    expect(cutOff.replayLagMs).toBeGreaterThan(0);
    expect(a.lsn).toBe(b.lsn);
    expect(a.inRecovery).toBe(true);

    await two.server.setRole('primary', 600_000);
    await two.server.setSynchronousStandbys(['node-3'], 1);
    await two.server.keepSlots(['node-1', 'node-3'], { 'node-3': b.lsn });
    const promoted = await two.server.promote(5000);
    expect(promoted.timeline).toBe(2);
    expect((await two.server.report()).state).toBe('primary');
    expect(await two.server.timelineHistory()).toEqual([{ timeline: 1, forkLsn: promoted.forkLsn }]);

    three.proxy.target = two.configuration.port;
    await three.server.follow('rustydb_node_3');
    const after = await fixture.client(two);
    await after.query('INSERT INTO t VALUES (1002)');
    await after.end();
    await three.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(three)).toBe(1002);
    expect((await three.server.report()).timeline).toBe(2);

    // The old primary's WAL ends where the new history began: it may follow.
    const fork = await one.server.compareWithFork(await two.server.timelineHistory(), 2);
    expect(fork).toEqual({ kind: 'can-follow' });
    one.proxy.target = two.configuration.port;
    await one.server.start('standby', { slot: 'rustydb_node_1', timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(one)).toBe(1002);
  });
});

describe('a promotion that must not reuse a timeline number', () => {
  it('skips the numbers below the wanted one, and a standby and the old primary follow over the hole', async () => {
    const one = await fixture.primary('skip-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    const two = await fixture.standby('skip-2', one);
    const three = await fixture.standby('skip-3', one);
    await client.query('INSERT INTO t VALUES (1)');
    await client.end();
    const end = await one.server.currentLsn();
    await two.server.waitForReplay(end, 5000);
    await three.server.waitForReplay(end, 5000);
    await one.server.killAll();
    const position = await two.server.stopReceiving(5000);
    await three.server.stopReceiving(5000);
    await two.server.setRole('primary', 600_000);
    await two.server.keepSlots(['skip-1', 'skip-3'], { 'skip-3': position.lsn });
    expect((await two.server.promote(5000, 4)).timeline).toBe(4);
    expect((await two.server.timelineHistory()).map((entry) => entry.timeline)).toEqual([1]);

    three.proxy.target = two.configuration.port;
    await three.server.follow('rustydb_skip_3');
    const writer = await fixture.client(two);
    await writer.query('INSERT INTO t VALUES (2)');
    await writer.end();
    await three.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(three)).toBe(2);

    expect(await one.server.compareWithFork(await two.server.timelineHistory(), 4)).toEqual({ kind: 'can-follow' });
    one.proxy.target = two.configuration.port;
    await one.server.start('standby', { slot: 'rustydb_skip_1', timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(one)).toBe(2);
  });
});

describe('a promotion that died after it marked the numbers it skips', () => {
  it('keeps no standby from starting, and the next one skips them again', async () => {
    const one = await fixture.primary('marks-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await client.query('INSERT INTO t VALUES (1)');
    await client.end();
    const two = await fixture.standby('marks-2', one);
    await two.server.waitForReplay(await one.server.currentLsn(), 5000);
    // What it had done when it died: numbers up to the wanted one are marked, nothing is promoted.
    const { dataDirectory } = two.configuration.paths;
    for (const mark of ['00000002.history', '00000003.history']) writeFileSync(join(dataDirectory, 'pg_wal', mark), '');
    await two.server.killAll();
    await two.server.start('standby', { slot: 'rustydb_marks_2', timeoutMs: 10_000 });
    await until('the standby answers', async () =>
      (await two.server.report()).state === 'standby' ? true : undefined,
    );
    expect(await count(two)).toBe(1);
    await one.server.killAll();
    await two.server.stopReceiving(5000);
    await two.server.setRole('primary', 600_000);
    expect((await two.server.promote(5000, 4)).timeline).toBe(4);
  });
});

describe('an old primary', () => {
  it('that wrote what nobody received has diverged, by so many bytes, and is cloned anew', async () => {
    const one = await fixture.primary('old-1');
    const two = await fixture.standby('old-2', one);
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await two.server.waitForReplay(await one.server.currentLsn(), 5000);
    two.proxy.cut();
    two.proxy.target = null;
    const promised = await two.server.stopReceiving(5000);
    await client.query('INSERT INTO t SELECT generate_series(1, 10000)');
    await client.end();
    const last = await one.server.currentLsn();
    await one.server.killAll();
    await two.server.setRole('primary', 600_000);
    const { timeline, forkLsn } = await two.server.promote(5000);
    const fork = await one.server.compareWithFork(await two.server.timelineHistory(), timeline);
    expect(fork).toMatchObject({ kind: 'diverged', forkLsn });
    if (fork.kind !== 'diverged') throw new Error('unreachable');
    expect(fork.divergentBytes).toBeGreaterThan(500_000);
    expect(lagBytes(fork.localLsn, last)).toBeLessThan(64);
    expect(lagBytes(promised.lsn, forkLsn)).toBe(0);
    expect(await one.server.isDead()).toBe(true);

    one.proxy.target = two.configuration.port;
    await one.server.baseBackup({
      slot: 'rustydb_old_1',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    await one.server.start('standby', { slot: 'rustydb_old_1', timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(one)).toBe(0);
  });

  it('compared in private neither listens on its port nor feeds a standby that still asks', async () => {
    const one = await fixture.primary('private-1');
    const two = await fixture.standby('private-2', one);
    await one.server.killAll();
    const before = (await two.server.report()).receiveLsn;
    const comparing = one.server.compareWithFork([], 1);
    const seen = new Set<string>();
    let done = false;
    const watching = (async () => {
      while (!done) {
        seen.add((await two.server.report()).walReceiver?.status ?? 'none');
        await fixture.client(one).then(
          (client) => {
            seen.add('reachable');
            return client.end();
          },
          () => undefined,
        );
      }
    })();
    expect(await comparing).toEqual({ kind: 'can-follow' });
    done = true;
    await watching;
    expect(seen).not.toContain('streaming');
    expect(seen).not.toContain('reachable');
    expect((await two.server.report()).receiveLsn).toBe(before);
  });
});

describe('a promise', () => {
  it('under load ends the receiver for good, and what was received stays', async () => {
    const one = await fixture.primary('busy-1');
    const two = await fixture.standby('busy-2', one);
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    let writing = true;
    const writer = (async () => {
      while (writing) await client.query('INSERT INTO t SELECT generate_series(1, 500)');
    })();
    await until('it streams', async () =>
      (await two.server.report()).walReceiver?.status === 'streaming' ? true : undefined,
    );
    const position = await two.server.stopReceiving(5000);
    expect(position.replayLsn).toBe(position.lsn);
    // The primary writes on; the promise holds.
    const target = await one.server.currentLsn();
    await until('the primary is well ahead', async () =>
      (lagBytes(await one.server.currentLsn(), target) ?? 0) > 500_000 ? true : undefined,
    );
    expect(await two.server.position()).toEqual(position);
    expect((await one.server.report()).senders).toEqual([]);
    // It survives a restart.
    await two.server.stop('immediate', 5000);
    await two.server.start('standby', { follow: false, timeoutMs: 10_000 });
    expect((await two.server.stopReceiving(5000)).lsn).toBe(position.lsn);
    writing = false;
    await writer;
    await client.end();
    await two.server.follow('rustydb_busy_2');
    await two.server.waitForReplay(await one.server.currentLsn(), 10_000);
  });

  it('is not held up by a reader whose snapshot replay waits for', async () => {
    const one = await fixture.primary('reader-1');
    const two = await fixture.standby('reader-2', one);
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await two.server.waitForReplay(await one.server.currentLsn(), 5000);
    const reader = await fixture.client(two);
    await reader.query('BEGIN; SELECT * FROM t');
    // Replaying this needs the lock that the reader holds.
    await client.query('DROP TABLE t');
    await client.end();
    const written = await one.server.currentLsn();
    await until('it arrived', async () =>
      lagBytes(written, (await two.server.position()).receiveLsn) === 0 ? true : undefined,
    );
    const position = await two.server.stopReceiving(5000);
    expect(lagBytes(written, position.lsn)).toBe(0);
    await expect(reader.query('SELECT 1')).rejects.toThrow();
  });

  it('is given although the last record never arrived whole; promotion goes on without it', async () => {
    const one = await fixture.primary('torn-1');
    const two = await fixture.standby('torn-2', one);
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t AS SELECT 1 AS n');
    const whole = await one.server.currentLsn();
    await two.server.waitForReplay(whole, 5000);
    // One record of 20 MB, of which 2 MB come through: whatever page it is cut at, it is cut.
    two.proxy.cutAfter(2_000_000);
    await client.query("SELECT pg_logical_emit_message(false, 'torn', repeat('x', 20000000))");
    await client.end();
    await until('the connection is cut', async () => ((await two.server.report()).walReceiver ? undefined : true));
    const position = await two.server.stopReceiving(5000);
    expect(lagBytes(position.receiveLsn, position.replayLsn)).toBeGreaterThan(100_000);
    expect(lagBytes(position.replayLsn, whole)).toBeGreaterThanOrEqual(0);
    await two.server.setRole('primary', 600_000);
    await two.server.promote(5000);
    expect(await count(two)).toBe(1);
  });

  it('with paused replay gives what was received; promotion replays it', async () => {
    const one = await fixture.primary('paused-1');
    const two = await fixture.standby('paused-2', one);
    await two.server.setReplayPaused(true);
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t AS SELECT 1 AS n');
    await client.end();
    const written = await one.server.currentLsn();
    await until('it arrived', async () =>
      lagBytes(written, (await two.server.position()).receiveLsn) === 0 ? true : undefined,
    );
    expect((await two.server.report()).replayPaused).toBe(true);
    const position = await two.server.stopReceiving(5000);
    expect(lagBytes(written, position.lsn)).toBe(0);
    await two.server.setRole('primary', 600_000);
    await two.server.promote(5000);
    expect(await count(two)).toBe(1);
  });
});

describe('a standby without a primary', () => {
  it('asks less often after a while, and is promoted no slower for it', async () => {
    const one = await fixture.primary('alone-1');
    const two = await fixture.standby('alone-2', one);
    two.proxy.target = null;
    two.proxy.cut();
    const interval = async () =>
      (await two.server.settings()).find((s) => s.name === 'wal_retrieve_retry_interval')?.value;
    expect(await interval()).toBe('50');
    await pollUntil(
      async () => {
        await two.server.report();
        return (await interval()) === '1000' ? true : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 100, what: 'the interval is relaxed' },
    );
    await two.server.setRole('primary', 600_000);
    await two.server.promote(5000);
    // The startup process waits out an interval before it sees the order.
    expect(await interval()).toBe('50');
  });
});

describe('a standby with much to replay', () => {
  it('tells how far it is before it takes connections', async () => {
    const one = await fixture.primary('behind-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int, filler text)');
    const two = await fixture.standby('behind-2', one);
    await client.query(`INSERT INTO t SELECT n, repeat('x', 400) FROM generate_series(1, 100000) n`);
    await client.end();
    const lsn = await one.server.currentLsn();
    await two.server.waitForReplay(lsn, 30_000);
    // Its stop makes no restartpoint without a checkpoint of the primary, and writes down how far it must come.
    await two.server.stop('fast', 30_000);
    // An archive that is slow to say that it has nothing: the replay lasts long enough to be looked at.
    appendFileSync(
      join(two.configuration.paths.dataDirectory, 'postgresql.auto.conf'),
      "restore_command = 'sleep 0.3; false'\n",
    );
    const started = two.server.start('standby', { timeoutMs: 60_000 });
    const { recovery } = await pollUntil(
      async () => {
        const report = await two.server.report();
        return report.recovery ? report : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 2, what: 'it tells what it replays' },
    );
    expect(recovery!.untilLsn).not.toBeNull();
    expect(lagBytes(lsn, recovery!.untilLsn)).toBeLessThan(1024 * 1024);
    expect(recovery!.restBytes).toBeGreaterThan(0);
    await started;
    expect((await two.server.report()).recovery ?? null).toBeNull();
  });
});

describe('synchronous standbys', () => {
  it('count exactly as the list says when the call returns', async () => {
    const one = await fixture.primary('sync-1');
    await fixture.standby('sync-2', one);
    await fixture.standby('sync-3', one);
    const states = async () =>
      Object.fromEntries((await one.server.report()).senders.map((s) => [s.applicationName, s.syncState]));
    await until('both stream', async () => {
      const { senders } = await one.server.report();
      return senders.filter((s) => s.state === 'streaming').length === 2 ? true : undefined;
    });
    for (const members of [['sync-2'], ['sync-2', 'sync-3'], ['sync-3'], []]) {
      await one.server.setSynchronousStandbys(members, Math.min(1, members.length));
      expect(await states()).toEqual({
        'sync-2': members.includes('sync-2') ? 'quorum' : 'async',
        'sync-3': members.includes('sync-3') ? 'quorum' : 'async',
      });
    }
    // A list that nobody can fulfil holds the very next commit.
    await one.server.setSynchronousStandbys(['ghost'], 1);
    const client = await fixture.client(one);
    const commit = client.query('CREATE TABLE waits (n int)');
    await until('the commit waits', async () => ((await one.server.report()).waitingCommits === 1 ? true : undefined));
    await one.server.setSynchronousStandbys(['sync-2', 'sync-3'], 2);
    await commit;
    await client.end();
  });

  it('advances the slots of the others on a standby, never past its own replay', async () => {
    const one = await fixture.primary('slots-1');
    const two = await fixture.standby('slots-2', one);
    await two.server.keepSlots(['slots-1', 'slots-3'], {});
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t AS SELECT generate_series(1, 10000) AS n');
    await client.end();
    const lsn = await one.server.currentLsn();
    await two.server.waitForReplay(lsn, 5000);
    await two.server.keepSlots(['slots-1', 'slots-3'], { 'slots-3': lsn, 'slots-1': 'FF/0' });
    const slots = new Map((await two.server.wal()).slots.map((slot) => [slot.name, slot.restartLsn]));
    expect(slots.get('rustydb_slots_3')).toBe(lsn);
    expect(lagBytes(slots.get('rustydb_slots_1') ?? null, (await two.server.position()).replayLsn)).toBe(0);
  });
});
