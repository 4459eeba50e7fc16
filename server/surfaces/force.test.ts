/** Force paths: a recent password, a confirmation where the cluster asks keys for it, and another admin's approval where it wants four eyes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keys } from '@/engine/cluster/model';
import type { Json } from '@/engine/control/store';
import { allProcedures } from '@/server/procedures/registry';
import { adminPassword, type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole({ withAdmin: true });
});
afterEach(() => console.stop());

type Call = (address: string, method?: string, body?: unknown) => Promise<{ status: number; body: Wire }>;

async function signIn(username = 'admin', password = adminPassword): Promise<Call> {
  const { headers } = await console.json('/api/v1/auth/login', {
    method: 'POST',
    role: null,
    body: { username, password },
  });
  const cookie = headers.get('set-cookie')!.split(';')[0]!;
  return (address, method = 'GET', body = method === 'GET' ? undefined : {}) =>
    console.json(`/api/v1${address}`, {
      role: null,
      method,
      body,
      headers: { Cookie: cookie, 'X-RustyDB-Console': '1' },
    });
}

/** As if the passwords of all sessions had been given long ago; another console goes on. */
async function age(minutes: number): Promise<void> {
  const { entries } = await console.engine.anyNode('store.localList', { prefix: keys.sessions });
  const reauthenticatedAt = new Date(Date.now() - minutes * 60_000).toISOString();
  const mutations = entries.map((one) => ({
    kind: 'put' as const,
    key: one.key,
    value: { ...(one.value as object), reauthenticatedAt } as Json,
  }));
  await console.engine.leader('store.txn', { compare: [], mutations });
  const before = console;
  console = await startConsole({ engine: before.engine });
  await before.stop();
}

const loss = { group: 'alpha', allow_data_loss: true };
const started = () => console.engine.view.operations.length;
const asKey = (body: unknown) => console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body });
const setPolicy = (body: unknown) => console.json('/api/v1/access-policy', { method: 'PUT', role: 'admin', body });

it('knows the force paths', () => {
  const names = allProcedures.filter((one) => one.adminKeys || one.forcePath).map((one) => one.name);
  expect(names.sort()).toEqual([
    'accessPolicy.update',
    'cluster.failover',
    'cluster.removeNode',
    'cluster.restartNode',
    'cluster.stopNode',
    'replication.promote',
  ]);
});

describe('a session', () => {
  it('gives its password again when the last time is long ago, and the refusal says how', async () => {
    const admin = await signIn();
    expect((await admin('/cluster/failover', 'POST', loss)).status).toBe(202);
    await age(11);
    const calls = [
      ['/cluster/failover', 'POST', loss],
      ['/cluster/nodes/node-3', 'DELETE', {}],
      ['/access-policy', 'PUT', { reauthenticate_minutes: 60 }],
    ] as const;
    for (const [address, method, body] of calls) {
      const refused = await admin(address, method, body);
      expect([refused.status, refused.body.details.cluster_code]).toEqual([403, 'CLU_REAUTHENTICATION_REQUIRED']);
      expect(refused.body.details.reasons[0].remedy).toContain('/api/v1/auth/reauthenticate');
    }
    expect(started()).toBe(1);
    expect((await admin('/cluster/failover', 'POST', { ...loss, dry_run: true })).status).toBe(200);
    expect((await admin('/cluster/failover', 'POST', { group: 'alpha' })).status).toBe(202);
    expect((await admin('/auth/reauthenticate', 'POST', { password: 'wrong' })).status).toBe(403);
    expect((await admin('/auth/reauthenticate', 'POST', { password: adminPassword })).status).toBe(200);
    expect((await admin('/cluster/failover', 'POST', loss)).status).toBe(202);
  });

  it('counts a wrong password as a failed sign-in', async () => {
    const admin = await signIn();
    await admin('/auth/reauthenticate', 'POST', { password: 'wrong' });
    await admin('/auth/password', 'POST', { current_password: 'wrong', new_password: 'staple battery horse' });
    expect((await admin('/auth/lockouts')).body[0]).toMatchObject({ id: 'account:admin', failures: 2 });
  });
});

describe('a key', () => {
  it('names what it hits where the cluster wants that, and only then', async () => {
    expect((await asKey(loss)).status).toBe(202);
    await setPolicy({ keys_confirm_force: true });
    const refused = await asKey(loss);
    expect(refused.body.details).toMatchObject({
      cluster_code: 'CLU_CONFIRMATION_REQUIRED',
      reasons: [{ rule: 'confirmation', limit: 'alpha', remedy: 'Send "confirm": "alpha" with the call' }],
    });
    expect((await asKey({ ...loss, confirm: 'beta' })).status).toBe(403);
    expect((await asKey({ ...loss, confirm: 'alpha' })).status).toBe(202);
    expect((await asKey({ group: 'alpha' })).status).toBe(202);
  });
});

describe('four eyes', () => {
  const second = { username: 'maria', password: 'a long enough password', role: 'admin' };

  async function twoAdmins(): Promise<readonly [Call, Call]> {
    await console.services.accounts.createUser({ ...second, role: 'admin', by: 'test' });
    const admin = await signIn();
    const maria = await signIn(second.username, second.password);
    expect((await admin('/access-policy', 'PUT', { force_needs_approval: true })).body.force_needs_approval).toBe(true);
    return [admin, maria];
  }

  async function ask(admin: Call, body: unknown = loss): Promise<string> {
    const held = await admin('/cluster/failover', 'POST', body);
    expect([held.status, held.body.details.cluster_code]).toEqual([403, 'CLU_APPROVAL_PENDING']);
    return held.body.details.approval_id;
  }

  it('holds the call until another admin approves it, and runs the plan that was shown, once', async () => {
    const [admin, maria] = await twoAdmins();
    const id = await ask(admin);
    expect(await ask(admin)).toBe(id);
    expect(started()).toBe(0);
    const [shown] = (await maria('/approvals?state=pending')).body;
    expect(shown).toMatchObject({
      id,
      procedure: 'cluster.failover',
      requested_by: 'user:admin',
      plan_hash: 'hash-of-failover',
      steps: ['Check the candidates'],
    });
    const own = await admin(`/approvals/${id}/approve`, 'POST');
    expect([own.status, own.body.details.reasons[0].rule]).toEqual([403, 'four-eyes']);
    const answers = await Promise.all([
      maria(`/approvals/${id}/approve`, 'POST'),
      maria(`/approvals/${id}/approve`, 'POST'),
    ]);
    expect(answers.map((one) => one.status).sort()).toEqual([200, 409]);
    expect(started()).toBe(1);
    const [operation] = console.engine.view.operations;
    expect(operation).toMatchObject({ requestedBy: 'user:admin', reason: 'approved by user:maria' });
    const start = console.engine.requests.find((one) => one.method === 'operation.start')!.params as Wire;
    expect(start).toMatchObject({ planHash: 'hash-of-failover', idempotencyKey: `user:admin/approval-${id}` });
    const [done] = (await admin('/approvals')).body;
    expect(done).toMatchObject({ state: 'executed', operation_id: operation!.id, decided_by: 'user:maria' });
    const audit = (await console.json('/api/v1/audit', { role: 'admin' })).body;
    expect(audit.map((one: Wire) => one.procedure)).toContain('approvals.approve');
  });

  it('does not let a key of the same person approve', async () => {
    const [admin] = await twoAdmins();
    const id = await ask(admin);
    const { secret } = (await admin('/api-keys', 'POST', { name: 'mine', role: 'admin' })).body;
    const answer = await console.json(`/api/v1/approvals/${id}/approve`, {
      method: 'POST',
      role: null,
      body: {},
      headers: { 'X-API-Key': secret },
    });
    expect(answer.body.details.reasons[0].rule).toBe('four-eyes');
  });

  it('fails when the plan is another by then, and when the requester may not do it any more', async () => {
    const [admin, maria] = await twoAdmins();
    const id = await ask(admin);
    const held = (await console.engine.leader('store.get', { key: keys.approvals + id }))!;
    const record = held.value as Wire;
    await console.engine.leader('store.txn', {
      compare: [],
      mutations: [{ kind: 'put', key: held.key, value: { ...record, plan: { ...record.plan, hash: 'older' } } }],
    });
    const changed = await maria(`/approvals/${id}/approve`, 'POST');
    expect(changed.body).toMatchObject({ state: 'failed', error: 'The plan changed', operation_id: null });
    const next = await ask(admin);
    await maria('/users/admin', 'PUT', { role: 'viewer' });
    expect((await maria(`/approvals/${next}/approve`, 'POST')).body).toMatchObject({ state: 'failed' });
    expect(started()).toBe(0);
  });

  it('can be rejected, and runs out', async () => {
    const [admin, maria] = await twoAdmins();
    const id = await ask(admin);
    expect((await maria(`/approvals/${id}/reject`, 'POST', { comment: 'not now' })).body.state).toBe('rejected');
    expect((await maria(`/approvals/${id}/approve`, 'POST')).status).toBe(409);
    const next = await ask(admin);
    const held = (await console.engine.leader('store.get', { key: keys.approvals + next }))!;
    await console.engine.leader('store.txn', {
      compare: [],
      mutations: [
        { kind: 'put', key: held.key, value: { ...(held.value as Wire), expiresAt: '2026-01-01T00:00:00.000Z' } },
      ],
    });
    expect((await maria(`/approvals/${next}/approve`, 'POST')).body.message).toBe('The request is expired already');
  });

  it('guards its own switch', async () => {
    const [admin, maria] = await twoAdmins();
    const off = await admin('/access-policy', 'PUT', { force_needs_approval: false });
    expect(off.body.details.cluster_code).toBe('CLU_APPROVAL_PENDING');
    expect((await admin('/access-policy')).body.force_needs_approval).toBe(true);
    await maria(`/approvals/${off.body.details.approval_id}/approve`, 'POST');
    expect((await admin('/access-policy')).body.force_needs_approval).toBe(false);
    expect((await admin('/cluster/failover', 'POST', loss)).status).toBe(202);
  });

  it('is finished by the next console when one died between approval and run', async () => {
    const [admin] = await twoAdmins();
    const id = await ask(admin);
    const held = (await console.engine.leader('store.get', { key: keys.approvals + id }))!;
    const value = {
      ...(held.value as Wire),
      state: 'approved',
      decidedBy: 'user:maria',
      decidedAt: '2026-01-01T00:00:00.000Z',
    };
    await console.engine.leader('store.txn', { compare: [], mutations: [{ kind: 'put', key: held.key, value }] });
    const other = await startConsole({ engine: console.engine });
    await other.upkeep.run();
    await other.upkeep.run();
    await other.stop();
    expect(started()).toBe(1);
    expect((await admin('/approvals')).body[0]).toMatchObject({ state: 'executed' });
  });
});
