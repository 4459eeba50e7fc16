/**
 * A whole installation: people sign in, and stay signed in, while any one node is frozen, whichever group it leads and whether or not it leads
 * the control store; the session is a record then as well, and a session that was ended stays ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { distDirectory, freePort, RealCluster, send } from './real-cluster';

let cluster: RealCluster;
let password: string;

beforeAll(async () => {
  cluster = await RealCluster.start({ through: 'rest' });
  await cluster.healed();
  password = readFileSync(join(cluster.dataDirectory, 'secrets', 'admin-password'), 'utf8').trim();
});
afterAll(() => cluster?.destroy());

type Answer = { readonly status: number; readonly body: unknown; readonly cookie: string };

async function call(
  method: string,
  address: string,
  cookie: string | null,
  body?: unknown,
  console: string = cluster.url,
): Promise<Answer> {
  const response = await fetch(`${console}/api/v1${address}`, {
    method,
    headers: {
      'content-type': 'application/json',
      'x-rustydb-console': '1',
      ...(cookie === null ? {} : { cookie }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    // A person waits so long.
    signal: AbortSignal.timeout(5000),
  });
  return {
    status: response.status,
    body: await response.json(),
    cookie: (response.headers.get('set-cookie') ?? '').split(';', 1)[0]!,
  };
}
const signIn = () => call('POST', '/auth/login', null, { username: 'admin', password });

it('while any one node is frozen', async () => {
  const before = await signIn();
  expect(before.status, JSON.stringify(before.body)).toBe(200);
  for (const { node_id } of await cluster.nodes()) {
    await cluster.healed();
    const agent = (await cluster.nodes()).find((one) => one.node_id === node_id)!.agent_pid!;
    send(agent, 'SIGSTOP');
    try {
      const now = await signIn();
      expect([node_id, now.status], JSON.stringify(now.body)).toEqual([node_id, 200]);
      expect((await call('GET', '/auth/me', now.cookie)).status).toBe(200);
      expect((await call('GET', '/auth/me', before.cookie)).status).toBe(200);
    } finally {
      send(agent, 'SIGCONT');
    }
  }
  await cluster.healed();
});

it('with sessions that are records, and end for good', async () => {
  const { cookie } = await signIn();
  const listed = await call('GET', '/auth/sessions', cookie);
  const sessions = listed.body as { id: string; current: boolean }[];
  expect(sessions.length).toBeGreaterThanOrEqual(2);
  const other = await signIn();
  const mine = (await call('GET', '/auth/sessions', other.cookie)).body as typeof sessions;
  const ended = await call('DELETE', `/sessions/${mine.find((one) => one.current)!.id}`, cookie);
  expect(ended.status, JSON.stringify(ended.body)).toBe(200);
  expect((await call('GET', '/auth/me', other.cookie)).status).toBe(401);
});

it('at any console of the cluster, and out at all of them', async () => {
  const second = await secondConsole();
  try {
    const { cookie } = await signIn();
    expect((await call('GET', '/auth/me', cookie, undefined, second.url)).status).toBe(200);
    expect((await call('POST', '/auth/logout', cookie, {}, second.url)).status).toBe(200);
    await expect.poll(async () => (await call('GET', '/auth/me', cookie)).status).toBe(401);
  } finally {
    send(second.process.pid!, 'SIGKILL');
  }
});

/** As behind a load balancer: the same configuration, its own port and directory. */
async function secondConsole(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const first = JSON.parse(readFileSync(join(cluster.dataDirectory, 'run', 'server.json'), 'utf8'));
  const port = await freePort();
  const dataDirectory = join(cluster.dataDirectory, 'second-console');
  mkdirSync(dataDirectory);
  const file = join(dataDirectory, 'server.json');
  writeFileSync(file, JSON.stringify({ ...first, port, dataDirectory }));
  const process = spawn('node', [join(distDirectory(), 'server.mjs'), file], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const ready = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(ready, { timeout: 30_000 }).toBe(200);
  return { url, process };
}

it('with the break-glass token', async () => {
  const token = readFileSync(join(cluster.dataDirectory, 'secrets', 'break-glass-token'), 'utf8').trim();
  const response = await fetch(`${cluster.url}/api/v1/audit/verify`, { headers: { 'x-api-key': token } });
  expect(await response.json()).toMatchObject({ ok: true });
});
