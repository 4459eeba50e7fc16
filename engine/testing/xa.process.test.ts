/** Distributed transactions over two groups and a MariaDB of Debian's, through the engine's own door. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import type { EngineParams, EngineResult } from '../runtime/engine-api';
import type { XaRequests } from '../xa/door';
import { query } from './member-check';
import type { RealCluster } from './real-cluster';
import type { MariadbFixture } from './xa/mariadb-fixture';
import { openXaScene, outsideName } from './xa/scene';

const requester = { by: 'test', reason: null, requestId: null, admin: true };
let cluster: RealCluster;
let maria: MariadbFixture | null = null;
let destroy: () => Promise<void>;

async function ask<M extends keyof XaRequests>(
  method: M,
  params: EngineParams<M>,
  group = 'alpha',
): Promise<EngineResult<M>> {
  const door = await cluster.door();
  return door.connection.requestNode(await door.primary(group), method, params, 20_000);
}
const code = (error: unknown) => (error as { details?: { extra?: { xa_code?: string } } }).details?.extra?.xa_code;
const failing = (promise: Promise<unknown>) => promise.then(() => null, code);

const managers = () => ['alpha', 'beta', ...(maria ? [outsideName] : [])];
const branches = (names = managers()) =>
  names.map((resourceManager) => ({ resourceManager, mode: 'managed' as const }));
const add = (resourceManager: string, amount: number) => ({
  resourceManager,
  statement: `UPDATE account SET balance = balance + (${amount}) WHERE id = 1`,
  parameters: [],
  maxRows: 10,
});
const start = (over: Partial<EngineParams<'xa.start'>> = {}) =>
  ask('xa.start', { xid: null, branches: branches(), timeoutMs: 30_000, work: [], commit: false, requester, ...over });

async function balances(): Promise<number[]> {
  const sql = 'SELECT balance FROM account WHERE id = 1';
  const ofGroup = async (group: string) =>
    (await query<{ balance: number }>(await cluster.service(`${group}-rw`), sql))[0]!.balance;
  const inMaria = maria ? [(await maria.query<{ balance: number }>(sql))[0]!.balance] : [];
  return [await ofGroup('alpha'), await ofGroup('beta'), ...inMaria];
}

async function nothingPrepared(timeoutMs: number): Promise<void> {
  await pollUntil(
    async () => {
      for (const group of ['alpha', 'beta']) {
        const found = await query<{ gid: string }>(
          await cluster.service(`${group}-rw`),
          'SELECT gid FROM pg_prepared_xacts',
        );
        if (found.length > 0) throw new Error(`${group} holds ${found[0]!.gid}`);
      }
      if (maria && (await maria.query('XA RECOVER')).length > 0) throw new Error('MariaDB holds a branch');
      return true;
    },
    { timeoutMs, intervalMs: 100, what: 'nothing is prepared anywhere' },
  );
}

beforeAll(async () => {
  ({ cluster, maria, destroy } = await openXaScene());
  const table = [
    'CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance > -1000000))',
    'INSERT INTO account VALUES (1, 0)',
  ];
  for (const group of ['alpha', 'beta'])
    for (const sql of table) await query(await cluster.service(`${group}-rw`), sql);
  if (maria) for (const sql of table) await maria.query(sql);
});
afterAll(() => destroy?.());

describe('calls', () => {
  it('runs, commits everywhere, and tells it afterwards', async () => {
    const before = await balances();
    const { transaction, results } = await start({ work: managers().map((name) => add(name, 5)) });
    expect(transaction.state).toBe('active');
    expect(results.map(({ rowCount }) => rowCount)).toEqual(managers().map(() => 1));
    const { xid } = transaction;
    expect(await failing(ask('xa.commit', { xid, onePhase: false, requester }))).toBe('XAER_PROTO');
    await ask('xa.end', { xid, flag: 'success', requester });
    expect((await ask('xa.prepare', { xid, requester })).state).toBe('prepared');
    expect((await ask('xa.prepared', { limit: 10 }, 'beta')).prepared).toMatchObject([
      { ours: { coordinator: 'alpha' }, owner: 'app' },
    ]);
    const done = await ask('xa.commit', { xid, onePhase: false, requester });
    expect(done).toMatchObject({ state: 'committed', decision: 'commit' });
    expect(await balances()).toEqual(before.map((one) => one + 5));
    expect(await ask('xa.commit', { xid, onePhase: false, requester })).toMatchObject({ state: 'committed' });
    expect(await failing(ask('xa.rollback', { xid, requester }))).toBe('XAER_PROTO');
    expect(await failing(start({ xid }))).toBe('XAER_DUPID');
    await nothingPrepared(5_000);
  });

  it('does all of it in one call, and rolls all of it back when one branch fails', async () => {
    const before = await balances();
    const { transaction } = await start({ work: managers().map((name) => add(name, 1)), commit: true });
    expect(transaction.state).toBe('committed');
    const bad = [add('alpha', 7), add('beta', -9_000_000)];
    expect(await failing(start({ xid: '7:breaks', work: bad, commit: true }))).toBe('XA_RBINTEGRITY');
    expect(await ask('xa.get', { xid: '7:breaks' })).toMatchObject({ state: 'rolled_back' });
    expect(await failing(ask('xa.commit', { xid: '7:breaks', onePhase: true, requester }))).toBe('XA_RBINTEGRITY');
    expect(await balances()).toEqual(before.map((one) => one + 1));
    await nothingPrepared(5_000);
  });

  it('refuses statements that would end the branch, and goes on', async () => {
    const { transaction } = await start({ branches: branches(['alpha', 'beta']) });
    const { xid } = transaction;
    const run = (statement: string) =>
      failing(ask('xa.execute', { xid, work: [{ ...add('alpha', 0), statement }], requester }));
    for (const statement of ['COMMIT', '/* a /* b */ */ ; end', 'rollback', "PREPARE TRANSACTION 'x'", 'XA END 1'])
      expect(await run(statement), statement).toBe('XAER_INVAL');
    expect(await run('UPDATE account SET balance = balance; COMMIT')).toBe('XA_RBOTHER');
    expect((await ask('xa.rollback', { xid, requester })).state).toBe('rolled_back');
  });

  it('knows the standard codes for what is wrong', async () => {
    expect(await failing(ask('xa.prepare', { xid: 'nobody', requester }))).toBe('XAER_NOTA');
    expect(await failing(start({ xid: 'a b' }))).toBe('XAER_INVAL');
    expect(await failing(start({ branches: branches(['nowhere']) }))).toBe('XAER_INVAL');
    const { transaction } = await start({ branches: branches(['beta']) });
    expect(await failing(ask('xa.end', { xid: transaction.xid, flag: 'suspend', requester }))).toBe('XAER_INVAL');
    await ask('xa.end', { xid: transaction.xid, flag: 'fail', requester });
    expect(await failing(ask('xa.prepare', { xid: transaction.xid, requester }))).toBe('XA_RBROLLBACK');
    await ask('xa.rollback', { xid: transaction.xid, requester });
  });

  it('rolls back at the deadline, and frees what it held', async () => {
    const { transaction } = await start({ work: [add('alpha', 3)], timeoutMs: 1_000 });
    await pollUntil(async () => (await ask('xa.get', { xid: transaction.xid }))?.state === 'rolled_back' || undefined, {
      timeoutMs: 10_000,
      intervalMs: 50,
      what: 'it is rolled back at its deadline',
    });
    expect(await failing(ask('xa.commit', { xid: transaction.xid, onePhase: true, requester }))).toBe('XA_RBTIMEOUT');
  });

  it('takes a branch that the application prepares itself', async () => {
    const before = await balances();
    const { transaction } = await start({
      branches: [
        { resourceManager: 'alpha', mode: 'managed' },
        { resourceManager: 'beta', mode: 'application' },
      ],
      work: [add('alpha', 2)],
    });
    const { xid } = transaction;
    const [, own] = transaction.branches;
    await ask('xa.end', { xid, flag: 'success', requester });
    const client = new pg.Client(await cluster.service('beta-rw'));
    await client.connect();
    for (const statement of own!.prepareWith)
      await client.query(statement === '…' ? 'UPDATE account SET balance = balance + 2 WHERE id = 1' : statement);
    await client.end();
    expect(await ask('xa.commit', { xid, onePhase: true, requester })).toMatchObject({ state: 'committed' });
    expect((await balances()).slice(0, 2)).toEqual(before.slice(0, 2).map((one) => one + 2));
    await nothingPrepared(5_000);
  });
});

describe('what is in doubt', () => {
  it('never touches what is not ours', async () => {
    const client = new pg.Client(await cluster.service('beta-rw'));
    await client.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE foreign_one (n int)');
    await client.query("PREPARE TRANSACTION 'somebody else'");
    await client.end();
    const { prepared } = await ask('xa.prepared', { limit: 10 }, 'beta');
    expect(prepared).toMatchObject([{ identifier: 'somebody else', ours: null, database: 'app' }]);
    const end = { identifier: 'somebody else', resourceManager: 'beta', outcome: 'rollback' as const, requester };
    await expect(ask('xa.branch.end', end)).rejects.toThrow(/not ours/);
    await query(await cluster.service('beta-rw'), "ROLLBACK PREPARED 'somebody else'");
  });

  it('is aborted where nobody decided it, whoever prepared it under a name of ours', async () => {
    const { transaction } = await start({ branches: branches(['beta']) });
    const [branch] = transaction.branches;
    await ask('xa.rollback', { xid: transaction.xid, requester });
    const forged = branch!.identifier.replace(transaction.id, 'f'.repeat(32));
    const client = new pg.Client(await cluster.service('beta-rw'));
    await client.connect();
    for (const sql of ['BEGIN', 'CREATE TABLE forged (n int)', `PREPARE TRANSACTION '${forged}'`])
      await client.query(sql);
    await client.end();
    await nothingPrepared(10_000);
    expect(await query(await cluster.service('beta-rw'), "SELECT FROM pg_class WHERE relname = 'forged'")).toEqual([]);
    const [decision] = await ask('xa.decisions', { ids: ['f'.repeat(32)] });
    expect(decision).toMatchObject({ decision: 'abort' });
  });

  it('is committed where it was decided, though it comes back after its coordinator has forgotten it', async () => {
    const { transaction } = await start({
      branches: branches(['alpha', 'beta']),
      work: [add('alpha', 0), add('beta', 0)],
      commit: true,
    });
    expect(transaction.state).toBe('committed');
    // As after a restore of beta to a time before the second phase.
    const again = transaction.branches[1]!.identifier;
    const client = new pg.Client(await cluster.service('beta-rw'));
    await client.connect();
    for (const sql of ['BEGIN', 'CREATE TABLE restored (n int)', `PREPARE TRANSACTION '${again}'`])
      await client.query(sql);
    await client.end();
    await nothingPrepared(10_000);
    expect(
      await query(await cluster.service('beta-rw'), "SELECT FROM pg_class WHERE relname = 'restored'"),
    ).toHaveLength(1);
  });

  it('is resolved by the new primary of a group that failed over while prepared', async () => {
    const before = await balances();
    const { transaction } = await start({
      branches: branches(['alpha', 'beta']),
      work: [add('alpha', 4), add('beta', 4)],
    });
    const { xid } = transaction;
    await ask('xa.end', { xid, flag: 'success', requester });
    await ask('xa.prepare', { xid, requester });
    const old = await (await cluster.door()).primary('alpha');
    cluster.signalNode(old, 'SIGSTOP');
    await pollUntil(async () => (await (await cluster.door()).primary('alpha')) !== old || undefined, {
      timeoutMs: 30_000,
      intervalMs: 50,
      what: 'alpha has another primary',
    });
    await nothingPrepared(30_000);
    cluster.signalNode(old, 'SIGCONT');
    expect((await balances()).slice(0, 2)).toEqual(before.slice(0, 2));
    await cluster.healed();
  });
});
