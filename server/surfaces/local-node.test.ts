/** `node-local`, the name that RustyDB gives the node which answers, is the same node on every method and surface, and is never removed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withLocalNames } from '../procedures/shared/local-node';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

let console: ConsoleFixture;
let leader: string;
const call = (path: string, method = 'GET', body?: unknown) =>
  console.json(`/api/v1${path}`, { method, body, role: 'admin' });
const graphql = (query: string) => console.json('/graphql', { method: 'POST', body: { query }, role: 'admin' });

beforeAll(async () => {
  console = await startConsole();
  leader = String(console.engine.current().view.raft.leader);
});
afterAll(() => console.stop());

it.each([
  ['', 'GET'],
  ['/health', 'GET'],
  ['/resources', 'GET'],
  ['', 'PUT', { priority: 90 }],
  ['/restart', 'POST', { dry_run: true }],
  ['/maintenance', 'POST', { enabled: true, dry_run: true }],
])('%s %s %j answers as for the node itself', async (path, method, body?: object) => {
  const [local, named] = [
    await call(`/cluster/nodes/node-local${path}`, method, body),
    await call(`/cluster/nodes/${leader}${path}`, method, body),
  ];
  expect(named.status).toBe(200);
  expect(local.status).toBe(named.status);
  const about = ({ body: answer }: typeof local) => {
    const { id, node_id, request } = answer as Record<string, unknown>;
    return path === '' || path === '/health' ? [id, node_id] : [node_id, request];
  };
  expect(about(local)).toEqual(about(named));
});

it('is never removed, not even by an admin who says force', async () => {
  for (const query of ['', '?force=true', '?dry_run=true', '?dry_run=true&force=true'])
    expect(await call(`/cluster/nodes/node-local${query}`, 'DELETE'), query).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
});

it('is taken: nobody adds a node of this name', async () => {
  const added = await call('/cluster/nodes', 'POST', { node_id: 'node-local', group: 'alpha' });
  expect(added).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
});

it('is the target of a failover, a guard and a standby in a configuration', async () => {
  const asTarget = (target_node: string) => call('/cluster/failover', 'POST', { target_node, dry_run: true });
  const [local, named] = [await asTarget('node-local'), await asTarget(leader)];
  expect(local.status).toBe(named.status);
  const request = (answer: typeof local) => (answer.body as { request?: unknown }).request;
  expect(request(local)).toEqual(request(named));
});

it('is the same node in GraphQL', async () => {
  const { body } = await graphql('{ clusterNode(id: "node-local") { id } }');
  expect(body).toMatchObject({ data: { clusterNode: { id: leader } } });
});

it('is the same node in filters of events', () => {
  const view = () => console.engine.current().view;
  expect(withLocalNames({ node_ids: ['node-local', 'node-9'] }, view)).toEqual({ node_ids: [leader, 'node-9'] });
  expect(withLocalNames({ standby_nodes: ['node-local:5432'] }, view)).toEqual({ standby_nodes: [`${leader}:5432`] });
  expect(withLocalNames({ reason: 'node-local' }, view)).toEqual({ reason: 'node-local' });
});
