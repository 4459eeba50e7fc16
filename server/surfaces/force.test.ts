/** Force paths: a recent password, a confirmation where the cluster asks keys for it, and another admin's approval where it wants four eyes. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

/** As the engine answers when a rule of the plan does not hold. */
function refusePlans(): void {
  const { engine } = console;
  const ask = engine.leader.bind(engine);
  const reason = { rule: 'control-majority-kept', measured: '1 of 2', limit: '2', remedy: 'Bring voters back' };
  const error = { code: 'CONFLICT' as const, message: "It can't be done", reasons: [reason] };
  vi.spyOn(engine, 'leader').mockImplementation((async (method: 'operation.plan', params: Wire) => {
    const answer = await ask(method, params);
    if (method !== 'operation.plan') return answer;
    return { ...answer, scheduledAt: params.request.scheduledAt ?? null, error };
  }) as typeof engine.leader);
}

it('knows the force paths', () => {
  const names = allProcedures.filter((one) => one.adminKeys || one.forcePath).map((one) => one.name);
  expect(names.sort()).toEqual([
    'accessPolicy.update',
    'cluster.failover',
    'cluster.removeNode',
    'cluster.restartNode',
    'cluster.stopNode',
    'cluster.updateConfig',
    'replication.configure',
    'replication.promote',
    'xa.removeManager',
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

  it('gives its password again before it hands out power: a key, an account, a password, a role, an invitation, an approval', async () => {
    await console.services.accounts.createUser({ username: 'carol', password: null, role: 'viewer', by: 'test' });
    const admin = await signIn();
    const { id: own } = (await admin('/api-keys', 'POST', { name: 'fresh', role: 'viewer' })).body;
    await age(11);
    const password = 'a long enough password';
    const calls = [
      ['/api-keys', 'POST', { name: 'stale', role: 'admin' }],
      ['/users', 'POST', { username: 'mallory', password, role: 'viewer' }],
      ['/users/carol', 'PUT', { password }],
      ['/users/carol', 'PUT', { role: 'admin' }],
      ['/users/carol', 'PUT', { disabled: false }],
      ['/invitations', 'POST', { username: 'mallory', role: 'admin' }],
      ['/approvals/any/approve', 'POST', {}],
    ] as const;
    for (const [address, method, body] of calls) {
      const refused = await admin(address, method, body);
      expect([address, refused.status, refused.body.details?.cluster_code]).toEqual([
        address,
        403,
        'CLU_REAUTHENTICATION_REQUIRED',
      ]);
    }
    const names = (await console.services.accounts.apiKeys()).map((one) => one.name);
    expect([names.includes('stale'), await console.services.accounts.user('mallory')]).toEqual([false, null]);
    // What takes power away is not held up.
    expect((await admin('/users/carol', 'PUT', { disabled: true })).status).toBe(200);
    expect((await admin(`/api-keys/${own}`, 'DELETE')).status).toBe(200);
    await admin('/auth/reauthenticate', 'POST', { password: adminPassword });
    expect((await admin('/users/carol', 'PUT', { password })).status).toBe(200);
    expect((await admin('/api-keys', 'POST', { name: 'proved', role: 'admin' })).status).toBe(201);
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
    const approvals = audit.filter((one: Wire) => one.procedure === 'approvals.approve' && one.outcome === 'succeeded');
    expect(approvals.map((one: Wire) => one.operation_id)).toEqual([operation!.id]);
  });

  const approveWith = (secret: string, id: string) =>
    console.json(`/api/v1/approvals/${id}/approve`, {
      method: 'POST',
      role: null,
      body: {},
      headers: { 'X-API-Key': secret },
    });
  const keyMadeWith = async (secret: string, name: string) =>
    (
      await console.json('/api/v1/api-keys', {
        method: 'POST',
        role: null,
        body: { name, role: 'admin' },
        headers: { 'X-API-Key': secret },
      })
    ).body.secret;

  it('does not let a key of the same person approve, nor one that was made with such a key', async () => {
    const [admin, maria] = await twoAdmins();
    const first = (await admin('/api-keys', 'POST', { name: 'mine', role: 'admin' })).body.secret;
    const chain = [first, await keyMadeWith(first, 'second')];
    chain.push(await keyMadeWith(chain[1]!, 'third'));
    const id = await ask(admin);
    for (const secret of chain) {
      const refused = await approveWith(secret, id);
      expect([refused.status, refused.body.details.reasons[0]]).toMatchObject([
        403,
        { rule: 'four-eyes', measured: 'user:admin' },
      ]);
    }
    // And what such a key asks for, its person does not approve.
    const held = await console.json('/api/v1/cluster/failover', {
      method: 'POST',
      role: null,
      body: { ...loss, reason: 'by key' },
      headers: { 'X-API-Key': chain[2]! },
    });
    const ofKey = held.body.details.approval_id;
    expect((await admin(`/approvals/${ofKey}/approve`, 'POST')).body.details.reasons[0].rule).toBe('four-eyes');
    expect(started()).toBe(0);
    const marias = (await maria('/api-keys', 'POST', { name: 'hers', role: 'admin' })).body.secret;
    expect((await approveWith(marias, ofKey)).body.state).toBe('executed');
  });

  it('does not let a key approve of which nobody knows the person', async () => {
    const [admin] = await twoAdmins();
    await console.services.accounts.ensureApiKey('k'.repeat(40), 'from the environment');
    const id = await ask(admin);
    for (const secret of ['k'.repeat(40), await keyMadeWith('k'.repeat(40), 'child')]) {
      const refused = await approveWith(secret, id);
      expect([refused.status, refused.body.message]).toEqual([
        403,
        'Another admin must approve it: nobody can tell which person uses this key',
      ]);
    }
    expect(started()).toBe(0);
  });

  it('does not run what a key asked for whose person may not do it any more', async () => {
    const [admin, maria] = await twoAdmins();
    const hers = (await maria('/api-keys', 'POST', { name: 'hers', role: 'admin' })).body.secret;
    const askWithKey = async (reason: string): Promise<string> => {
      const headers = { 'X-API-Key': await keyMadeWith(hers, reason) };
      const body = { ...loss, reason };
      const held = await console.json('/api/v1/cluster/failover', { method: 'POST', role: null, body, headers });
      return held.body.details.approval_id;
    };
    const [first, second] = [await askWithKey('first'), await askWithKey('second')];
    await admin('/users/maria', 'PUT', { role: 'operator' });
    const demoted = await admin(`/approvals/${first}/approve`, 'POST');
    expect(demoted.body).toMatchObject({
      state: 'failed',
      error: 'first, who asked for it, may not do it any more',
    });
    await admin('/users/maria', 'PUT', { role: 'admin', disabled: true });
    expect((await admin(`/approvals/${second}/approve`, 'POST')).body.state).toBe('failed');
    expect(started()).toBe(0);
  });

  it('knows the person of a request that was stored before persons were followed', async () => {
    const [admin] = await twoAdmins();
    const mine = (await admin('/api-keys', 'POST', { name: 'mine', role: 'admin' })).body.secret;
    const second = await keyMadeWith(mine, 'second');
    const held = await console.json('/api/v1/cluster/failover', {
      method: 'POST',
      role: null,
      body: loss,
      headers: { 'X-API-Key': second },
    });
    const id = held.body.details.approval_id;
    const stored = (await console.engine.leader('store.get', { key: keys.approvals + id }))!;
    const value = { ...(stored.value as Wire), person: 'api-key:mine' };
    await console.engine.leader('store.txn', { compare: [], mutations: [{ kind: 'put', key: stored.key, value }] });
    expect((await admin(`/approvals/${id}/approve`, 'POST')).status).toBe(403);
  });

  it('has the approved call itself in the audit log: who asked, who approved, which operation', async () => {
    const [admin, maria] = await twoAdmins();
    const id = await ask(admin);
    await maria(`/approvals/${id}/approve`, 'POST');
    const lines = (await console.json('/api/v1/audit?procedure=cluster.failover', { role: 'admin' })).body;
    expect(lines.map((one: Wire) => one.outcome)).toEqual(['succeeded', 'refused']);
    expect(lines[0]).toMatchObject({
      actor: 'user:admin',
      request_id: id,
      operation_id: console.engine.view.operations[0]!.id,
      input: { allow_data_loss: true, approval_id: id, approved_by: 'user:maria' },
    });
    const next = await ask(admin, { ...loss, reason: 'again' });
    await console.json('/api/v1/users/admin', { method: 'PUT', role: 'admin', body: { role: 'viewer' } });
    await maria(`/approvals/${next}/approve`, 'POST');
    const [line] = (await console.json('/api/v1/audit?procedure=cluster.failover', { role: 'admin' })).body;
    expect(line).toMatchObject({ actor: 'user:admin', outcome: 'refused', code: 'FORBIDDEN', operation_id: null });
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

  const remove = (admin: Call, node: string, body: unknown = {}) => admin(`/cluster/nodes/${node}`, 'DELETE', body);

  it('refuses at once what cannot be done, as it would without four eyes, and nobody is asked', async () => {
    const alone = await remove(await signIn(), 'node-1');
    const [admin] = await twoAdmins();
    const before = console.engine.requests.length;
    const refused = await remove(admin, 'node-1');
    expect([refused.status, refused.body.message, refused.body.details]).toEqual([
      403,
      alone.body.message,
      alone.body.details,
    ]);
    expect(refused.body.details.reasons[0].rule).toBe('node-is-not-primary');
    refusePlans();
    const impossible = await remove(admin, 'node-3');
    expect([impossible.status, impossible.body.details.reasons[0].rule]).toEqual([409, 'control-majority-kept']);
    expect((await remove(admin, 'node-99')).status).toBe(404);
    const asked = console.engine.requests.slice(before).map((one) => one.method);
    expect(asked).not.toContain('operation.start');
    expect((await admin('/approvals')).body).toEqual([]);
    expect(started()).toBe(0);
  });

  it('holds no call whose caller was shown another plan', async () => {
    const [admin] = await twoAdmins();
    const changed = await remove(admin, 'node-3', { plan_hash: 'older' });
    expect([changed.status, changed.body.details.cluster_code]).toEqual([412, 'CLU_PLAN_CHANGED']);
    expect(changed.body.details.plan).toMatchObject({ state: 'planned', plan_hash: 'hash-of-remove-node' });
    const same = await remove(admin, 'node-3', { plan_hash: 'hash-of-remove-node' });
    expect(same.body.details.cluster_code).toBe('CLU_APPROVAL_PENDING');
  });

  it('judges a scheduled call when it is due, not when it is asked for', async () => {
    const [admin] = await twoAdmins();
    refusePlans();
    const later = { ...loss, scheduled_at: new Date(Date.now() + 3_600_000).toISOString() };
    expect((await admin('/cluster/failover', 'POST', loss)).status).toBe(409);
    expect((await admin('/cluster/failover', 'POST', later)).body.details.cluster_code).toBe('CLU_APPROVAL_PENDING');
  });

  it('looks again after the approval: what has become impossible fails, with the reason', async () => {
    const [admin, maria] = await twoAdmins();
    const held = await remove(admin, 'node-3');
    console.engine.change((view) => ({ nodes: view.nodes.filter((node) => node.record.id !== 'node-3') }));
    const answer = await maria(`/approvals/${held.body.details.approval_id}/approve`, 'POST');
    expect(answer.body).toMatchObject({ state: 'failed', error: 'No node node-3', operation_id: null });
    expect(started()).toBe(0);
  });

  it('tries out every call that has a plan without changing anything', async () => {
    const [admin] = await twoAdmins();
    const calls = [
      ['/cluster/failover', 'POST', { group: 'alpha', force: true }],
      ['/cluster/nodes/node-3', 'DELETE', {}],
      ['/cluster/nodes/node-1/restart', 'POST', { force: true }],
      ['/cluster/nodes/node-1/stop', 'POST', { force: true }],
      ['/replication/promote', 'POST', { node: 'node-2', force: true }],
    ] as const;
    for (const [address, method, body] of calls) {
      const held = await admin(address, method, body);
      expect([address, held.body.details?.cluster_code]).toEqual([address, 'CLU_APPROVAL_PENDING']);
    }
    expect(console.engine.requests.map((one) => one.method)).not.toContain('operation.start');
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
    const [line] = (await other.json('/api/v1/audit?procedure=cluster.failover', { role: 'admin' })).body;
    expect(line).toMatchObject({ actor: 'user:admin', outcome: 'succeeded', input: { approved_by: 'user:maria' } });
    expect(line.operation_id).toBe(console.engine.view.operations[0]!.id);
    await other.stop();
    expect(started()).toBe(1);
    expect((await admin('/approvals')).body[0]).toMatchObject({ state: 'executed' });
  });
});
