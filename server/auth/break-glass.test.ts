/** The break-glass token: works when nothing else does, only from a file that nobody else may read, and leaves a line for every use. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClusterError } from '@/engine/kernel/errors';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

const token = 'rdbbg_a-token-for-this-test';
let console: ConsoleFixture;
let file: string;
beforeEach(async () => {
  console = await startConsole();
  file = path.join(console.dataDirectory, 'break-glass-token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
});
afterEach(() => console.stop());

const use = (address: string, options = {}) =>
  console.json(address, { role: null, headers: { 'X-API-Key': token }, ...options });

it('is admin when no node answers and no account can be read', async () => {
  const gone = new ClusterError('UNAVAILABLE', 'No node has answered yet');
  const silent = await startConsole();
  try {
    writeFileSync(path.join(silent.dataDirectory, 'break-glass-token'), token, { mode: 0o600 });
    silent.engine.anyNode = () => Promise.reject(gone);
    silent.engine.leader = () => Promise.reject(gone);
    const headers = { 'X-API-Key': token };
    const me = await silent.json('/api/v1/auth/me', { role: null, headers });
    expect(me.body).toMatchObject({ name: 'break-glass', role: 'admin' });
    expect((await silent.json('/api/v1/audit', { role: null, headers })).status).toBe(200);
  } finally {
    await silent.stop();
  }
});

it('leaves a line for every use, a mere look included', async () => {
  await use('/api/v1/auth/me');
  for (let round = 0; round < 2; round++) await use('/api/v1/cluster/topology');
  await console.request('/metrics', { role: null, headers: { 'X-API-Key': token } });
  await use('/api/v1/cluster/failover', { method: 'POST', body: { group: 'alpha', allow_data_loss: true } });
  const { body } = await console.json('/api/v1/audit?actor=break-glass', { role: 'admin' });
  expect(body.map((one: { procedure: string }) => one.procedure)).toEqual([
    'cluster.failover',
    '/metrics',
    'cluster.getTopology',
    'cluster.getTopology',
    'auth.me',
  ]);
  expect(console.engine.view.operations[0]!.requestedBy).toBe('break-glass');
});

it('counts from a file that nobody else may read, as it is now', async () => {
  expect((await use('/api/v1/auth/me')).status).toBe(200);
  chmodSync(file, 0o644);
  expect((await use('/api/v1/auth/me')).status).toBe(401);
  chmodSync(file, 0o600);
  writeFileSync(file, 'rdbbg_another');
  expect((await use('/api/v1/auth/me')).status).toBe(401);
  rmSync(file);
  expect((await use('/api/v1/auth/me')).status).toBe(401);
});
