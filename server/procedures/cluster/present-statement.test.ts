import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../../testing/console-fixture';
import { statementKind } from './present-statement';

it.each([
  ["select * from cards where number = '4111'", 'SELECT …'],
  ["(values ('secret'))", 'VALUES …'],
  ["ALTER ROLE app PASSWORD 'hunter2'", 'ALTER …'],
  ["hunter2 is my password'", '…'],
  ['/* hunter2 */ select 1', '…'],
  ["'select me' from x", 'SELECT …'],
  ['', ''],
  [null, null],
])('of %j a viewer sees %j', (statement, shown) => {
  expect(statementKind(statement)).toBe(shown);
});

describe('the sessions of a node', () => {
  let console: ConsoleFixture;
  beforeAll(async () => {
    console = await startConsole();
  });
  afterAll(() => console.stop());

  it.each([
    ['viewer', 'SELECT …'],
    ['operator', 'select 1'],
    ['admin', 'select 1'],
  ] as const)('show a %s %j on every surface', async (role, shown) => {
    const { body } = await console.json('/api/v1/cluster/nodes/node-1/sessions', { role });
    expect(new Set(body.map((one: { query: string }) => one.query))).toEqual(new Set([shown]));
    const { data } = await console.graphql('{ nodeSessions(id: "node-1") { query } }', {}, role);
    expect(data.nodeSessions[0].query).toBe(shown);
  });
});
