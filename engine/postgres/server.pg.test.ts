import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import type { SessionPosition } from '../runtime/engine-api';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { withFreshSession } from './connection';
import { processesIn } from './processes';

let fixture: PgFixture;
let node: TestNode;
beforeAll(async () => {
  fixture = await PgFixture.create();
  node = await fixture.primary('node-1');
});
afterAll(() => fixture.close());

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 10_000, intervalMs: 10, what });

describe('logins', () => {
  const { superuser, replication, monitor, query } = {
    superuser: { user: 'rustydb', password: 'super-secret-of-tests' },
    replication: { user: 'rustydb_repl', password: 'repl:secret\\of-tests' },
    monitor: { user: 'rustydb_monitor', password: 'monitor-secret-of-tests' },
    query: { user: 'rustydb_query', password: 'query-secret-of-tests' },
  };

  it('superuser never over TCP; replication login not into databases; wrong passwords not at all', async () => {
    await expect(fixture.client(node, { ...superuser })).rejects.toThrow(/rejects connection/);
    await expect(fixture.client(node, { ...replication })).rejects.toThrow(/rejects connection/);
    await expect(fixture.client(node, { password: 'wrong' })).rejects.toThrow(/password authentication failed/);
  });

  it('app owns its database and is no superuser', async () => {
    const app = await fixture.client(node);
    await app.query('CREATE TABLE mine (n int)');
    await expect(app.query("COPY mine FROM PROGRAM 'id'")).rejects.toThrow(/permission denied/);
    await expect(app.query('SELECT * FROM rustydb_engine.applied_step')).rejects.toThrow(/permission denied/);
    await app.end();
  });

  it('query reads what app makes, sees no verifiers, and is nobody’s login', async () => {
    const app = await fixture.client(node);
    await app.query('CREATE TABLE readable (n int)');
    await expect(app.query('SET ROLE rustydb_query')).rejects.toThrow(/permission denied/);
    await app.end();
    await expect(fixture.client(node, { ...query })).rejects.toThrow(
      /password authentication failed|not permitted to log in/,
    );
    const { paths, port, passwords } = node.configuration;
    const place = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, database: 'app' };
    await withFreshSession({ ...place, purpose: 'test' }, async (client) => {
      await client.query('SET ROLE rustydb_query');
      await expect(client.query('SELECT * FROM public.readable')).resolves.toBeDefined();
      await expect(client.query('INSERT INTO public.readable VALUES (1)')).rejects.toThrow();
      await expect(client.query('SELECT rolpassword FROM pg_authid')).rejects.toThrow(/permission denied/);
      await expect(client.query("SELECT pg_read_file('PG_VERSION')")).rejects.toThrow(/permission denied/);
    });
  });

  it('monitor sees statistics', async () => {
    const client = await fixture.client(node, { ...monitor });
    await expect(client.query('SELECT * FROM pg_stat_replication')).resolves.toBeDefined();
    await client.end();
  });

  it('keeps secrets and sockets to itself, and puts no password into logs', async () => {
    const { paths } = node.configuration;
    expect(statSync(`${paths.nodeDirectory}/replication.pgpass`).mode & 0o777).toBe(0o600);
    expect(statSync(paths.guardianSocket).mode & 0o777).toBe(0o600);
    expect(statSync(paths.socketDirectory).mode & 0o777).toBe(0o700);
    const log = JSON.stringify(await node.server.logs({ limit: 5000, level: null, contains: null }));
    expect(log).not.toContain('secret-of-tests');
  });
});

describe('report', () => {
  it('tells a primary’s state', async () => {
    await until('slow facts', async () => ((await node.server.report()).version ? true : undefined));
    const report = await node.server.report();
    expect(report).toMatchObject({ pendingRestart: false, slotRetainedBytes: 0, slotsLost: 0 });
    expect(report).toMatchObject({
      state: 'primary',
      timeline: 1,
      replayPaused: false,
      maxConnections: 200,
      waitingCommits: 0,
    });
    expect(report.version).toMatch(/^18/);
    expect(report.databaseBytes).toBeGreaterThan(1_000_000);
    expect(report.walSinceCheckpointBytes).toBeGreaterThanOrEqual(0);
    expect(report.postmasterPid).toBe(node.server.postmasterPid());
  });

  it('answers in time when PostgreSQL hangs, and recovers', async () => {
    for (const pid of processesIn(node.configuration.paths.dataDirectory)) process.kill(pid, 'SIGSTOP');
    for (let i = 0; i < 3; i++) {
      expect(await node.server.report()).toMatchObject({ state: 'primary', lsn: null });
    }
    for (const pid of processesIn(node.configuration.paths.dataDirectory)) process.kill(pid, 'SIGCONT');
    await until('answers again', async () => ((await node.server.report()).lsn ? true : undefined));
  });
});

describe('settings', () => {
  it('applies, reads back, lists what waits for a restart, resets', async () => {
    expect(await node.server.applySettings({ work_mem: '9MB' })).toEqual({ pendingRestart: [] });
    const shown = (await node.server.settings()).find((s) => s.name === 'work_mem');
    expect(shown).toMatchObject({ value: '9216', unit: 'kB', managed: true });
    expect(await node.server.applySettings({ shared_buffers: '80MB' })).toEqual({ pendingRestart: ['shared_buffers'] });
    await until('the report says so', async () => ((await node.server.report()).pendingRestart ? true : undefined));
    await node.server.applySettings({ shared_buffers: null, work_mem: null });
    expect((await node.server.settings()).find((s) => s.name === 'work_mem')).toMatchObject({ managed: false });
  });

  it('refuses nonsense with PostgreSQL’s words', async () => {
    await expect(node.server.applySettings({ work_mem: 'lots' })).rejects.toThrow(/refuses work_mem/);
    await expect(node.server.applySettings({ no_such_setting: '1' })).rejects.toThrow(/refuses no_such_setting/);
    await expect(node.server.applySettings({ 'work_mem; DROP TABLE x': '1' })).rejects.toThrow(/no setting/);
  });

  it('takes lists of slots', async () => {
    await node.server.keepSlots(['a-1', 'b-2'], {});
    await node.server.setSynchronizedStandbySlots(['a-1', 'b-2']);
    const value = (await node.server.settings()).find((s) => s.name === 'synchronized_standby_slots')?.value;
    expect(value?.replaceAll(' ', '')).toBe('rustydb_a_1,rustydb_b_2');
    await node.server.setSynchronizedStandbySlots([]);
    expect((await node.server.settings()).find((s) => s.name === 'synchronized_standby_slots')?.value).toBe('');
  });

  it('keeps members’ slots and drops strangers’', async () => {
    await node.server.keepSlots(['b-2', 'c-3'], {});
    const wal = await node.server.wal();
    expect(wal.slots.map((slot) => slot.name)).toEqual(['rustydb_b_2', 'rustydb_c_3']);
    expect(wal.slots.every((slot) => slot.restartLsn !== null)).toBe(true);
    await node.server.keepSlots([], {});
    expect((await node.server.wal()).slots).toEqual([]);
  });
});

describe('sessions', () => {
  it('shows who blocks whom; ends sessions but never ours', async () => {
    const [holder, waiter] = [await fixture.client(node), await fixture.client(node)];
    await holder.query('CREATE TABLE IF NOT EXISTS l (n int)');
    await holder.query('BEGIN; LOCK TABLE l');
    const waiting = waiter.query('SELECT * FROM l').catch((error: Error) => error);
    const blocked = await until('the waiter shows as blocked', async () =>
      (await node.server.sessions()).find((session) => session.blockedBy.length > 0),
    );
    expect(await node.server.endSession(blocked.pid, 'cancel')).toBe(true);
    expect(await waiting).toMatchObject({ code: '57014' });
    const ours = (await node.server.sessions()).find((session) => session.user === 'rustydb');
    expect(await node.server.endSession(ours!.pid, 'terminate')).toBe(false);
    expect(await node.server.terminateSessions()).toBe(2);
    await expect(holder.query('SELECT 1')).rejects.toThrow();
    expect((await node.server.report()).state).toBe('primary');
  });

  it('names the prepared transactions that block, which have no process, and only those', async () => {
    const [holder, waiter] = [await fixture.client(node), await fixture.client(node)];
    await holder.query('CREATE TABLE two_phase (n int PRIMARY KEY); INSERT INTO two_phase VALUES (1), (2)');
    await holder.query(`BEGIN; UPDATE two_phase SET n = 1 WHERE n = 1; PREPARE TRANSACTION 'it''s "left" behind'`);
    await holder.query(`BEGIN; UPDATE two_phase SET n = 2 WHERE n = 2; PREPARE TRANSACTION 'another'`);
    const blockedBy = async (statement: string) => {
      const waiting = waiter.query(statement).catch((error: Error) => error);
      const blocked = await until('it shows as blocked', async () =>
        (await node.server.sessions()).find((session) => session.blockedBy.length > 0),
      );
      expect(await node.server.endSession(blocked.pid, 'cancel')).toBe(true);
      expect(await waiting).toMatchObject({ code: '57014' });
      return { pids: blocked.blockedBy, gids: blocked.blockedByPrepared?.map((one) => one.gid).sort() };
    };
    expect(await blockedBy('UPDATE two_phase SET n = 1 WHERE n = 1')).toEqual({
      pids: [0],
      gids: [`it's "left" behind`],
    });
    expect(await blockedBy('CREATE INDEX ON two_phase (n)')).toMatchObject({
      gids: ['another', `it's "left" behind`],
    });
    await holder.query(`ROLLBACK PREPARED 'another'`);
    await holder.query(`ROLLBACK PREPARED 'it''s "left" behind'`);
    await holder.query('DROP TABLE two_phase');
    await Promise.all([holder.end(), waiter.end()]);
  });

  it('are told a part at a time, oldest first, each once', async () => {
    const clients = [await fixture.client(node), await fixture.client(node), await fixture.client(node)];
    const whole = (await node.server.sessions()).map((session) => session.pid);
    const parts: number[] = [];
    for (let after: SessionPosition | null = null; ; ) {
      const [session] = await node.server.sessions({ limit: 1, after });
      if (!session) break;
      parts.push(session.pid);
      after = { startedAt: session.startedAt!, pid: session.pid };
    }
    expect(parts).toEqual(whole);
    expect(whole.length).toBeGreaterThanOrEqual(clients.length);
    await Promise.all(clients.map((client) => client.end()));
  });

  it('a commit that waits for a standby is terminated, never cancelled into a false success', async () => {
    await node.server.setSynchronousStandbys(['ghost'], 1);
    const client = await fixture.client(node);
    const commit = client.query('CREATE TABLE never_acknowledged (n int)').then(
      () => 'acknowledged',
      (error: { code: string }) => error.code ?? 'connection lost',
    );
    const waiter = await until('the commit waits', async () =>
      (await node.server.sessions()).find((session) => session.waitEvent === 'SyncRep'),
    );
    expect((await node.server.report()).waitingCommits).toBe(1);
    expect(await node.server.endSession(waiter.pid, 'cancel')).toBe(true);
    expect(await commit).not.toBe('acknowledged');
    await node.server.setSynchronousStandbys([], 0);
    await client.end().catch(() => undefined);
  });
});

describe('restart', () => {
  it('stops fast, reports stopped, starts again; crash recovery keeps what was committed and is measured', async () => {
    const client = await fixture.client(node);
    await client.query('CREATE TABLE kept AS SELECT generate_series(1, 200000) AS n');
    await node.server.report();
    expect(node.server.estimateRedoMs().walBytes).toBeGreaterThan(1_000_000);
    await node.server.killAll();
    await client.end().catch(() => undefined);
    expect((await node.server.report()).state).toBe('stopped');
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    const again = await fixture.client(node);
    expect((await again.query('SELECT count(*)::int AS n FROM kept')).rows[0].n).toBe(200_000);
    await again.end();
    await node.server.stop('fast', 10_000);
    expect(await node.server.isDead()).toBe(true);
    const report = await node.server.report();
    expect(report).toMatchObject({ state: 'stopped', postmasterPid: null });
    expect(report.lastExit).toMatchObject({ code: 0, expected: true });
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
  });

  it('says in PostgreSQL’s words why a start failed', async () => {
    await node.server.applySettings({ shared_buffers: '100GB' });
    await node.server.stop('fast', 10_000);
    await expect(node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 })).rejects.toThrow(
      /shared memory/,
    );
  });

  it('has its log lines, newest last, filtered', async () => {
    const { lines } = await node.server.logs({ limit: 3, level: 'LOG', contains: 'ready to accept connections' });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.at(-1)!.message).toContain('ready to accept connections');
    expect(new Date(lines.at(-1)!.at).getTime()).toBeGreaterThan(Date.now() - 600_000);
  });
});
