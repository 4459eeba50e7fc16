/** The health history is told without a leader too, from what nodes keep, and what it lacks is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

const path = '/api/v1/cluster/health/history';

describe('with a leader', () => {
  it('is whole', async () => {
    const { status, body, headers } = await console.json(path);
    expect([status, body.length, headers.get('x-notice')]).toEqual([200, 5, null]);
    expect(body[0]).not.toHaveProperty('id');
  });
});

describe('without a leader', () => {
  beforeAll(() => {
    console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
  });

  it('is what the nodes keep, each entry once, page by page', async () => {
    const first = await console.json(`${path}?limit=3`);
    expect([first.status, first.body.length]).toEqual([200, 3]);
    expect(first.headers.get('x-notice')).toBe(
      'Only what nodes still keep is listed, nothing since: the control store has no leader',
    );
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')![1]!;
    const second = await console.json(next.slice(next.indexOf('/api/')));
    expect(second.body).toHaveLength(2);
  });

  it('names the nodes that do not answer', async () => {
    console.engine.silentServers = ['node-2', 'node-3'];
    const { data } = await console.graphql('{ clusterHealthHistoryConnection { items { at } missingNodes notice } }');
    expect(data.clusterHealthHistoryConnection).toMatchObject({
      missingNodes: ['node-2', 'node-3'],
      notice: expect.stringContaining('; node-2, node-3 do not answer'),
    });
    expect(data.clusterHealthHistoryConnection.items).toHaveLength(5);
  });

  it('is refused when no node answers', async () => {
    console.engine.silentServers = console.engine.view.nodes.map((node) => node.record.id);
    expect((await console.json(path)).status).toBe(503);
  });
});
