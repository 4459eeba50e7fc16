import { expect, it } from 'vitest';
import { curlCommand } from './curl';

it('builds a command that a shell takes', () => {
  expect(curlCommand('http://127.0.0.1:8080', { method: 'GET', path: '/cluster/nodes' })).toBe(
    `curl -sS -H 'Authorization: Bearer '"$RUSTYDB_API_KEY" 'http://127.0.0.1:8080/api/v1/cluster/nodes'`,
  );
});

it('quotes a body with quotes in it', () => {
  const command = curlCommand('http://h', { method: 'POST', path: '/x', body: { reason: "it's time" } });
  expect(command).toContain(`-X POST`);
  expect(command).toContain(`-d '{"reason":"it'\\''s time"}'`);
});
