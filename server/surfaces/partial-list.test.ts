/** A list of operations that is not whole says so on every surface, names the nodes that are missing, and tells a limited key no name that it may not know. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
  await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body: { group: 'beta' } });
});
afterAll(() => console.stop());

const sentence = 'Older operations in the archive of node-2 are missing: it does not answer';
const lists = ['/api/v1/operations', '/api/v1/cluster/failovers'] as const;
const connection = (field: string) => console.graphql(`{ ${field} { items { id } missingNodes notice } }`);

describe('with every archive readable', () => {
  it('nothing is noticed', async () => {
    for (const path of lists) expect((await console.json(path)).headers.get('x-notice')).toBeNull();
    const { data } = await connection('operationsConnection');
    expect(data.operationsConnection).toMatchObject({ missingNodes: [], notice: null });
  });
});

describe('with a node that does not answer', () => {
  beforeAll(() => {
    console.engine.silentArchives = ['node-2'];
  });

  it('REST keeps the bare list and says it in a header', async () => {
    for (const path of lists) {
      const { body, headers } = await console.json(path);
      expect(Array.isArray(body)).toBe(true);
      expect(headers.get('x-notice'), path).toBe(sentence);
    }
  });

  it('GraphQL says it in the connection, tRPC in the page', async () => {
    for (const field of ['operationsConnection', 'failoversConnection']) {
      const { data } = await connection(field);
      expect(data[field], field).toMatchObject({ missingNodes: ['node-2'], notice: sentence });
      expect(data[field].items.length).toBeGreaterThan(0);
    }
    const response = await console.request(`/api/trpc/operations.list?input=${encodeURIComponent('{}')}`);
    const { result } = (await response.json()) as { result: { data: unknown } };
    expect(result.data).toMatchObject({ missing_nodes: ['node-2'], notice: sentence });
  });

  it('a key that may not know the node hears of no name', async () => {
    const body = { name: 'beta only', role: 'viewer', groups: ['beta'] };
    const created = await console.json('/api/v1/api-keys', { method: 'POST', role: 'admin', body });
    const { headers } = await console.json(lists[0], { role: null, headers: { 'X-API-Key': created.body.secret } });
    expect(headers.get('x-notice')).toBe(
      'Older operations in the archive of other nodes are missing: they do not answer',
    );
  });
});

it('without a majority what a node still knows is listed, and that is said', async () => {
  console.engine.silentArchives = [];
  console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
  const [known] = console.engine.view.operations;
  console.engine.remember(`operations/${known!.id}0`, { ...known!, id: `${known!.id}0`, state: 'failed' });
  const { status, body, headers } = await console.json(lists[0]);
  expect([status, body.length]).toEqual([200, 2]);
  expect(body.map((one: { state: string }) => one.state)).toContain('failed');
  expect(headers.get('x-notice')).toBe(
    'Only operations that a node still knows are listed: the control store has no leader',
  );
});
