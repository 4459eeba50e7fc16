/** A node or group that is not there is 404, however its name is spelt; what can't be a name in an address at all is 400. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

const status = async (path: string, method = 'GET', body?: unknown) =>
  (await console.json(`/api/v1${path}`, { method, body, role: 'admin' })).status;

describe.each(['Node_1', 'NODE-1', 'node.1', '_node'])('%s', (name) => {
  it.each([
    [`/cluster/nodes/${name}`, 'GET'],
    [`/cluster/nodes/${name}/health`, 'GET'],
    [`/cluster/nodes/${name}/sessions`, 'GET'],
    [`/cluster/nodes/${name}/sessions/4711`, 'DELETE'],
    [`/cluster/nodes/${name}/settings`, 'GET'],
    [`/cluster/nodes/${name}`, 'DELETE'],
    [`/replication/status?group=${name}`, 'GET'],
    [`/cluster/replication?group=${name}`, 'GET'],
  ])('as in %s (%s) is not there', async (path, method) => {
    expect(await status(path, method)).toBe(404);
  });
});

it.each(['a%20b', 'a%2Fb', 'x'.repeat(200), '%F0%9F%90%98'])('%s is no name', async (name) => {
  expect(await status(`/cluster/nodes/${name}`)).toBe(400);
});
