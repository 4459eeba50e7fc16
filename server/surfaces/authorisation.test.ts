/** Every procedure × {none, viewer, operator, admin} × {REST, tRPC, GraphQL}, from the registry. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permits } from '@/server/auth/authorise';
import type { AnyDefinition, Role } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { executableExample } from '../testing/examples';
import { streams } from '../testing/streams';
import { graphqlCall } from '../testing/surface-calls';

const callers: readonly (Role | null)[] = [null, 'viewer', 'operator', 'admin'];
const plenty = { points: 100_000, seconds: 1 };

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({
    rateLimits: { read: plenty, node: plenty, write: plenty, login: plenty, anonymous: plenty },
  });
});
afterAll(() => console.stop());

function expected(definition: AnyDefinition, caller: Role | null): 'UNAUTHORIZED' | 'FORBIDDEN' | 'allowed' {
  const identity =
    caller === null
      ? ({ kind: 'anonymous' } as const)
      : ({ kind: 'api-key', id: 'x', name: 'x', role: caller } as const);
  if (permits(identity, definition.role)) return 'allowed';
  return caller === null ? 'UNAUTHORIZED' : 'FORBIDDEN';
}

/** Input that no schema accepts: an allowed caller gets INVALID_INPUT and no effect happens. */
const bad = { surprise: 1 };

describe.each(allProcedures.filter((one) => one.kind !== 'subscription').map((one) => [one.name, one] as const))(
  '%s',
  (_name, definition) => {
    it.each(callers)('for %s', async (caller) => {
      const want = expected(definition, caller);
      const codes = [await rest(definition, caller), await trpc(definition, caller)];
      const wanted = want === 'allowed' ? 'INVALID_INPUT' : want;
      expect(codes).toEqual([wanted, wanted]);
    });
  },
);

describe.each(allProcedures.filter((one) => one.kind !== 'subscription').map((one) => [one.name, one] as const))(
  '%s over GraphQL',
  (_name, definition) => {
    it('is decided for everybody as on the other surfaces', async () => {
      const { input } = await executableExample(console, definition);
      const decisions: Record<string, string> = {};
      for (const caller of callers) {
        const answer = await graphqlCall(console.url, definition, input, keyOf(caller));
        decisions[String(caller)] = refusalOf(definition, answer.error);
      }
      expect(decisions).toEqual(Object.fromEntries(callers.map((one) => [String(one), expected(definition, one)])));
    });
  },
);

describe.each(allProcedures.filter((one) => one.kind === 'subscription').map((one) => [one.name, one] as const))(
  '%s',
  (_name, definition) => {
    it('is opened for whom it is for, on every surface', async () => {
      for (const caller of callers) {
        for (const [surface, open] of Object.entries(streams)) {
          const opened = await open(console.url, definition, definition.example as object, keyOf(caller));
          opened.close();
          expect(refusalOf(definition, opened.error), `${surface} for ${caller}`).toBe(expected(definition, caller));
        }
      }
    });
  },
);

/** What a refusal because of the procedure's role looks like; anything else means that the call was let in. */
function refusalOf(definition: AnyDefinition, error: Wire): string {
  const wantsIdentity = error?.code === 'UNAUTHORIZED' && /^Sign in, or send/.test(error.message);
  const wantsRole =
    error?.code === 'FORBIDDEN' &&
    error.details?.reasons?.[0]?.rule === 'role' &&
    error.details.reasons[0].limit === definition.role;
  return wantsIdentity || wantsRole ? error.code : 'allowed';
}

function keyOf(caller: Role | null): Record<string, string> {
  return caller === null ? {} : { 'X-API-Key': console.keys[caller] };
}

it('keeps force paths for admins on every surface', async () => {
  const body = { group: 'alpha', allow_data_loss: true, dry_run: true };
  const asOperator = await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'operator', body });
  expect([asOperator.status, asOperator.body.code]).toEqual([403, 'FORBIDDEN']);
  const asAdmin = await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body });
  expect(asAdmin.status).toBe(200);
  const overGraphql = await console.graphql(
    'mutation ($input: FailoverInput!) { triggerFailover(input: $input) { id } }',
    { input: { force: true, dry_run: true } },
    'operator',
  );
  expect(codeOf(overGraphql)).toBe('FORBIDDEN');
});

it('shows process ids and paths to admins only, also from the cache', async () => {
  for (let round = 0; round < 2; round++) {
    const admin = await console.json('/api/v1/cluster/nodes/node-1', { role: 'admin' });
    expect(admin.body).toMatchObject({
      agent_pid: 8000,
      postmaster_pid: 9000,
      data_directory: '/data/nodes/node-1/pgdata',
    });
    const viewer = await console.json('/api/v1/cluster/nodes/node-1');
    expect(viewer.body).not.toHaveProperty('agent_pid');
    expect(viewer.body).not.toHaveProperty('data_directory');
  }
});

function codeOf(answer: Wire): string {
  return answer.errors?.[0]?.extensions?.code;
}

async function rest(definition: AnyDefinition, caller: Role | null): Promise<string> {
  const { method, path } = definition.rest!;
  const address = `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
  const query = method === 'GET' ? '?surprise=1' : '';
  const answer = await console.json(address + query, {
    method,
    role: caller,
    body: method === 'GET' ? undefined : bad,
  });
  return answer.body.code;
}

async function trpc(definition: AnyDefinition, caller: Role | null): Promise<string> {
  const input = encodeURIComponent(JSON.stringify(bad));
  const answer =
    definition.kind === 'query'
      ? await console.json(`/api/trpc/${definition.name}?input=${input}`, { role: caller })
      : await console.json(`/api/trpc/${definition.name}`, { method: 'POST', role: caller, body: bad });
  return answer.body.error.data.error.code;
}
