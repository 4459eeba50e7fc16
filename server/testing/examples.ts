/**
 * Examples that can be executed: a procedure's own example, after what it speaks of has been made. A procedure whose example names
 * something that a fresh cluster does not have needs an entry in `preparations`.
 */
import type { AnyDefinition, Role } from '@/server/procedures/definition';
import { adminPassword, type ConsoleFixture } from './console-fixture';
import type { Caller } from './surface-calls';

export type Example = { readonly input: Readonly<Record<string, unknown>>; readonly caller: Caller };

type Preparation = (console: ConsoleFixture, example: Example) => Promise<Partial<Example>>;

let count = 0;

export async function executableExample(console: ConsoleFixture, definition: AnyDefinition): Promise<Example> {
  const role: Role = definition.role === 'anonymous' ? 'viewer' : definition.role;
  const example: Example = {
    input: definition.example as Record<string, unknown>,
    caller: definition.role === 'anonymous' ? {} : { 'X-API-Key': console.keys[role] },
  };
  const preparation = preparations[definition.name];
  return preparation ? { ...example, ...(await preparation(console, example)) } : example;
}

async function operation(console: ConsoleFixture, path: string, body: object): Promise<{ input: { id: string } }> {
  const started = await console.json(`/api/v1${path}`, { method: 'POST', role: 'operator', body });
  return { input: { id: started.body.id } };
}

async function newUser(console: ConsoleFixture) {
  const user = await console.services.accounts.createUser({
    username: `maria-${++count}`,
    password: adminPassword,
    role: 'viewer',
    by: 'test',
  });
  return user;
}

/** The cookie of a fresh session of a fresh person. */
async function signedIn(console: ConsoleFixture): Promise<{ caller: Caller; userId: string; username: string }> {
  const user = await newUser(console);
  return { caller: await signIn(console, user.username), userId: user.id, username: user.username };
}

async function signIn(console: ConsoleFixture, username: string): Promise<Caller> {
  const body = { username, password: adminPassword };
  const response = await console.request('/api/v1/auth/login', { method: 'POST', role: null, body });
  const cookie = response.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  return { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin' };
}

/** Always the same: what they approve names them. The fixture's keys are nobody's, who approve nothing. */
async function approver(console: ConsoleFixture): Promise<Caller> {
  const { accounts } = console.services;
  const account = { username: 'approver', password: adminPassword, role: 'admin', by: 'test' } as const;
  if ((await accounts.user(account.username)) === null) await accounts.createUser(account);
  return signIn(console, account.username);
}

function invited(console: ConsoleFixture) {
  return console.services.invitations.create({ username: `maria-${++count}`, role: 'viewer', hours: 1, by: 'test' });
}

/** A call with force that waits for approval. */
async function heldCall(console: ConsoleFixture): Promise<string> {
  const { id, username } = await newUser(console);
  const held = await console.services.gate.force.approvals.request({
    procedure: 'accessPolicy.update',
    input: { reauthenticate_minutes: 10 },
    plan: null,
    identity: {
      kind: 'user',
      id,
      name: username,
      role: 'viewer',
      sessionId: 'none',
      sessionExpiresAt: '',
      provedAt: '',
    },
    minutes: 5,
  });
  return held.id;
}

/**
 * Several of everything that the product keeps a list of, so that every list has more than one page of one item. The caller is a person who
 * may see them all and is signed in more than once; needs the fixture's admin.
 */
export async function fillLists(console: ConsoleFixture): Promise<Caller> {
  const callers: Caller[] = [];
  for (let index = 0; index < 2; index++) {
    const stop = await operation(console, '/cluster/nodes/node-3/stop', {});
    console.engine.finish(stop.input.id, { state: 'succeeded' });
    const failover = await operation(console, '/cluster/failover', { group: 'alpha', mode: 'switchover' });
    console.engine.finish(failover.input.id, { state: 'succeeded' });
    await invited(console);
    await heldCall(console);
    callers.push(await signIn(console, 'admin'));
    const wrong = { username: `nobody-${index}`, password: 'wrong' };
    await console.json('/api/v1/auth/login', { method: 'POST', role: null, body: wrong });
  }
  const fault = { kind: 'delay', delay_ms: 10, duration_ms: 600_000 };
  for (const node of ['node-1', 'node-2']) {
    const body = { node, faults: [fault, fault, { ...fault, peer: 'node-3' }] };
    await console.json('/api/v1/cluster/faults', { method: 'PUT', role: 'admin', body });
  }
  return callers[0]!;
}

const preparations: Readonly<Record<string, Preparation>> = {
  'operations.get': (console) => operation(console, '/cluster/nodes/node-3/stop', {}),
  'operations.cancel': (console) => operation(console, '/cluster/nodes/node-3/stop', {}),
  'cluster.getFailover': (console) => operation(console, '/cluster/failover', { group: 'alpha', mode: 'switchover' }),
  'users.create': async (_console, { input }) => ({ input: { ...input, username: `maria-${++count}` } }),
  'users.update': async (console, { input }) => ({ input: { ...input, id: (await newUser(console)).id } }),
  'users.delete': async (console) => ({ input: { id: (await newUser(console)).id } }),
  'apiKeys.revoke': async (console) => {
    const key = { name: 'short-lived', role: 'viewer', expiresAt: null, by: 'test' } as const;
    return { input: { id: (await console.services.accounts.createApiKey(key)).record.id } };
  },
  'auth.login': async (console) => {
    const { username } = await newUser(console);
    return { input: { username, password: adminPassword } };
  },
  'auth.logout': async (console) => ({ caller: (await signedIn(console)).caller }),
  'auth.changePassword': async (console) => ({ caller: (await signedIn(console)).caller }),
  'sessions.revoke': async (console) => {
    const { userId, caller } = await signedIn(console);
    const [session] = await console.services.sessions.list(userId);
    return { input: { id: session!.id }, caller };
  },
  'auth.reauthenticate': async (console) => ({ caller: (await signedIn(console)).caller }),
  'approvals.approve': async (console) => {
    return { input: { id: await heldCall(console) }, caller: await approver(console) };
  },
  'approvals.reject': async (console) => ({ input: { id: await heldCall(console) } }),
  'lockouts.unlock': async (console) => {
    const { username } = await newUser(console);
    const body = { username, password: 'wrong' };
    await console.json('/api/v1/auth/login', { method: 'POST', role: null, body });
    return { input: { id: `account:${username}` } };
  },
  'invitations.create': async (_console, { input }) => ({ input: { ...input, username: `maria-${++count}` } }),
  'invitations.accept': async (console, { input }) => ({ input: { ...input, token: (await invited(console)).token } }),
  'invitations.withdraw': async (console) => ({ input: { id: (await invited(console)).record.id } }),
  'sessions.revokeAll': async (console) => ({ input: {}, caller: (await signedIn(console)).caller }),
};
