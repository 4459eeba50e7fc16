/** Calls of the console as text for a shell, against the committed OpenAPI document. */
import { readFileSync } from 'node:fs';
import { parse } from 'graphql';
import { expect, it } from 'vitest';
import { type ApiDocument, callForms } from './call-forms';

const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as ApiDocument;
const origin = 'http://127.0.0.1:8080';
const forms = (call: Parameters<typeof callForms>[1], at = origin) => callForms(document, call, at)!;

it('knows a call by its address, with what is in path and query', () => {
  const { cli, graphql } = forms({ method: 'GET', path: '/cluster/nodes/node-2/logs?limit=300' });
  expect(cli).toBe('rustydbctl cluster node-logs node-2 --limit 300');
  expect(graphql).toContain('nodeLogsConnection(limit: 300, id: "node-2")');
});

it('knows a call by its procedure', () => {
  const input = { group: 'alpha', mode: 'switchover', dry_run: true, reason: "it's time" };
  const { curl, cli, graphql } = forms({ procedure: 'cluster.failover', input });
  expect(cli).toBe(`rustydbctl failover --group alpha --mode switchover --dry-run --reason 'it'\\''s time'`);
  expect(curl).toContain("-X POST -H 'Authorization: Bearer '");
  expect(curl).toContain("'http://127.0.0.1:8080/api/v1/cluster/failover'");
  expect(graphql).toContain(
    `triggerFailoverOperation(input: { group: "alpha", mode: "switchover", dry_run: true, reason: "it's time" })`,
  );
});

it('names the console to rustydbctl where it is not the one that it looks for by itself', () => {
  const { cli } = forms({ procedure: 'cluster.getTopology', input: {} }, 'https://db.example.com');
  expect(cli).toBe('rustydbctl --url https://db.example.com topology');
});

it('copies no secret: a variable of the shell, or of the document, stands for it', () => {
  const input = { username: "o'neil", password: 'correct horse battery', role: 'viewer' };
  const { curl, cli, graphql } = forms({ procedure: 'users.create', input });
  for (const text of [curl, cli, graphql]) expect(text).not.toContain('correct horse');
  expect(curl).toContain(`"password":"'"$PASSWORD"'","role":"viewer"`);
  expect(cli).toContain('--password "$PASSWORD"');
  expect(graphql).toContain('mutation users_create($password: String!)');
  expect(graphql).toContain(`createUser(input: { username: "o'neil", password: $password, role: "viewer" })`);
  expect(graphql).toContain('# {"password":"<password>"}');
});

it('leaves data whose keys are no GraphQL names to a variable', () => {
  const settings = { 'pg_stat_statements.max': '5000' };
  const { graphql } = forms({ procedure: 'cluster.updateGroupSettings', input: { group: 'alpha', settings } });
  expect(() => parse(graphql!)).not.toThrow();
  expect(graphql).toContain('# {');
  expect(graphql).toContain('"pg_stat_statements.max":"5000"');
});

it('puts what is in the path where it belongs', () => {
  const { curl, cli } = forms({ procedure: 'cluster.stopNode', input: { id: 'node-3', mode: 'fast', force: false } });
  expect(cli).toBe('rustydbctl cluster stop-node node-3 --mode fast --force no');
  expect(curl).toContain('/cluster/nodes/node-3/stop');
  expect(curl).toContain('{"mode":"fast","force":false}');
});

it('has a command and a valid document for every call', () => {
  for (const methods of Object.values(document.paths)) {
    for (const operation of Object.values(methods)) {
      const { cli, graphql } = forms({ procedure: operation.operationId.split(':')[0]!, input: {} });
      expect(cli).toMatch(/^rustydbctl [a-z-]+/);
      expect(() => parse(graphql!)).not.toThrow();
    }
  }
});

it('is nothing for an address that is none of ours', () => {
  expect(callForms(document, { method: 'GET', path: '/nothing' }, origin)).toBeNull();
});
