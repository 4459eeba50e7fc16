/** Transactions in doubt: each once, whoever holds it; what does not answer is named; a key of some groups sees theirs alone. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());
beforeEach(() => {
  console.engine.silentServers = [];
});

const list = async (search = '', options: Parameters<typeof console.json>[1] = {}) =>
  console.json(`/api/v1/cluster/transactions${search}`, options);
const verdicts = (body: Wire) => body.map((one: Wire) => [one.node ?? one.resource_manager, one.verdict]);

it('lists those of the primaries and of the resource managers outside, with what becomes of them', async () => {
  const { body } = await list();
  expect(verdicts(body)).toEqual([
    ['node-1', 'commit'],
    ['node-4', 'foreign'],
    ['billing', 'commit'],
  ]);
  expect(body[0]).toMatchObject({ group: 'alpha', xid: '1:order-4711:0', waiting_pids: [4711] });
  expect(body[0].verdict_sentence).toMatch(/^commit: decided \d+ (min|h|d) ago by user:maria$/);
});

it('asks for each decision once', async () => {
  const before = console.engine.requests.length;
  await list();
  const asked = console.engine.requests.slice(before).filter(({ method }) => method === 'xa.decisions');
  expect(asked.map(({ params }) => params)).toMatchObject([{ ids: ['0198a1b2c3d4'] }]);
});

it('names who does not answer', async () => {
  console.engine.silentServers = ['node-4'];
  const { headers } = await list();
  expect(headers.get('x-notice')).toBe('Prepared transactions of node-4 are missing: no answer');
  const { body } = await console.json('/api/v1/xa/recovery');
  expect(body).toMatchObject({ missing_nodes: ['node-4'], total: 2, to_commit: 2, foreign: 0 });
});

it('makes up no verdict without the coordinator', async () => {
  console.engine.silentServers = ['node-1'];
  const { body, headers } = await list();
  expect(verdicts(body)).toEqual([['node-4', 'foreign']]);
  expect(headers.get('x-notice')).toContain('node-1, resource manager all outside the cluster');
});

it('shows a key of some groups what their servers hold', async () => {
  const made = { name: 'alpha only', role: 'viewer', groups: ['alpha'] };
  const { body: key } = await console.json('/api/v1/api-keys', { method: 'POST', role: 'admin', body: made });
  const { body } = await list('', { role: null, headers: { 'X-API-Key': key.secret } });
  expect(verdicts(body)).toEqual([['node-1', 'unknown']]);
  expect(body[0].verdict_sentence).toContain('limited to groups');
});

it('shows the copies of standbys while a group has no primary, each once', async () => {
  const { view } = console.engine;
  console.engine.change(({ groups }) => ({
    groups: groups.map((one) => ({ ...one, record: { ...one.record, primary: null } })),
  }));
  const { body } = await list('?group=alpha');
  console.engine.view = view;
  expect(body).toHaveLength(1);
  expect(body[0]).toMatchObject({ node: 'node-1', verdict: 'unknown' });
}, 20_000);

const end = (body: object) => console.json('/api/v1/cluster/transactions/end', { method: 'POST', role: 'admin', body });
const ours = { node: 'node-1', identifier: 'rustydb:c0ffee00:alpha:0198a1b2c3d4:1', reason: 'lost' };

it('tells what an outcome by hand means before, and what was done after', async () => {
  const before = console.engine.requests.length;
  const planned = await end({ ...ours, outcome: 'rollback', dry_run: true });
  expect(planned.body).toMatchObject({ done: false, decision: 'commit', agrees: false });
  expect(planned.body.consequences[0]).toContain('contradicts');
  const asked = () => console.engine.requests.slice(before).map(({ method }) => method);
  expect(asked()).not.toContain('xa.branch.end');
  const done = await end({ ...ours, outcome: 'rollback' });
  expect(done.body).toMatchObject({ done: true, decision: 'commit', agrees: false });
  expect(done.body.message).toContain('against the decision');
  expect(asked().filter((method) => method === 'xa.branch.end')).toHaveLength(1);
});

it('ends nothing that is not there, and needs one place', async () => {
  expect((await end({ ...ours, identifier: 'gone', outcome: 'commit' })).status).toBe(404);
  expect((await end({ ...ours, resource_manager: 'billing', outcome: 'commit' })).status).toBe(400);
  const { node: _node, ...nowhere } = ours;
  expect((await end({ ...nowhere, outcome: 'commit' })).status).toBe(400);
});

it('takes RustyDB’s older paths', async () => {
  for (const verb of ['prepare', 'commit']) {
    const body = { xid: '1:order-4711:0' };
    const answer = await console.json(`/api/v1/xa/${verb}`, { method: 'POST', role: 'operator', body });
    expect([answer.status, answer.body.xid]).toEqual([200, body.xid]);
  }
  const body = { xid: '1:new:0', branches: [{ resource_manager: 'alpha' }] };
  const started = await console.json('/api/v1/xa/start', { method: 'POST', role: 'operator', body });
  expect(started.body).toMatchObject({ xid: '1:new:0', state: 'active', results: [] });
});
