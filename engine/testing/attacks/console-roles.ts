/** A viewer and an operator: the API, each with keys of that role. */
import pg from 'pg';
import { type Attempt, allOf, attempt, call, held, type Target, withKey } from './attack';

type Route = { readonly method: string; readonly path: string; readonly role: string; readonly rate: string };

async function routes({ cluster }: Target): Promise<readonly Route[]> {
  const { body } = await cluster.api<{ paths: Record<string, Record<string, Record<string, string>>> }>(
    'GET',
    '/openapi.json',
  );
  return Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{[^}]+\}/g, 'main'),
      role: about['x-role'] ?? '',
      rate: about['x-rate-class'] ?? '',
    })),
  );
}

/** Each call above the role is refused before anybody looks at what it asks. */
async function walk(target: Target, role: 'viewer' | 'operator', which: (route: Route) => boolean): Promise<string> {
  const above = role === 'viewer' ? ['operator', 'admin'] : ['admin'];
  const asked = (await routes(target)).filter((route) => above.includes(route.role) && which(route));
  const seen: [string, number][] = [];
  let key = '';
  for (const [index, { method, path }] of asked.entries()) {
    // A new key has limits of its own.
    if (index % 8 === 0) key = await target.key(role);
    const body = method === 'GET' ? undefined : {};
    seen.push([`${method} ${path}`, (await call(target, path, { method, body, headers: withKey(key) })).status]);
  }
  return allOf(seen, [403]);
}

const reading = ({ method }: Route) => method === 'GET';
const changing = ({ method }: Route) => method !== 'GET';

async function refusedSettings(target: Target, settings: Readonly<Record<string, string>>): Promise<string> {
  const seen: [string, number][] = [];
  let key = '';
  for (const [index, [name, value]] of Object.entries(settings).entries()) {
    if (index % 8 === 0) key = await target.key('operator');
    const answer = await call(target, `/api/v1/cluster/groups/${target.group}/settings`, {
      method: 'PUT',
      body: { settings: { [name]: value } },
      headers: withKey(key),
    });
    seen.push([`${name} = ${value}`, answer.status]);
  }
  return allOf(seen, [400, 403]);
}

const given = async (
  target: Target,
  calls: readonly (readonly [method: string, path: string, body: object])[],
  expected: readonly number[],
) => {
  const key = withKey(await target.key('operator'));
  const seen: [string, number][] = [];
  for (const [method, path, body] of calls)
    seen.push([
      `${method} ${path} ${JSON.stringify(body)}`,
      (await call(target, `/api/v1${path}`, { method, body, headers: key })).status,
    ]);
  return allOf(seen, expected);
};

export const viewerAttacks: readonly Attempt[] = [
  attempt('viewer', 'control', 'every call that changes something', (target) => walk(target, 'viewer', changing)),
  attempt('viewer', 'secrets', 'every call that reads what is not for viewers', (target) =>
    walk(target, 'viewer', reading),
  ),
  attempt('viewer', 'secrets', 'literals in statements of other people’s sessions', async (target) => {
    const secret = `literal-of-somebody-${process.pid}`;
    const client = new pg.Client(await target.cluster.service(`${target.group}-rw`));
    client.on('error', () => undefined);
    await client.connect();
    const sleeping = client.query(`select pg_sleep(20), '${secret}'`).catch(() => undefined);
    try {
      const key = withKey(await target.key('viewer'));
      const nodes = await target.cluster.nodes();
      const paths = nodes.flatMap(({ node_id: id }) => [
        `/cluster/nodes/${id}/sessions`,
        `/cluster/nodes/${id}`,
        `/cluster/nodes/${id}/health`,
      ]);
      const seen = await Promise.all(
        paths.map(async (path) => (await call(target, `/api/v1${path}`, { headers: key })).text),
      );
      return seen.some((text) => text.includes(secret)) ? 'a literal is told' : held;
    } finally {
      await client.end().catch(() => undefined);
      await sleeping;
    }
  }),
  attempt('viewer', 'control', 'changes over GraphQL and tRPC', async (target) => {
    const headers = withKey(await target.key('viewer'));
    const graphql = await call(target, '/graphql', {
      method: 'POST',
      headers,
      body: { query: 'mutation { removeClusterNode(id: "nobody") }' },
    });
    const trpc = await call(target, '/api/trpc/cluster.failover', {
      method: 'POST',
      headers,
      body: { group: target.group },
    });
    return graphql.text.includes('FORBIDDEN') && trpc.status === 403
      ? held
      : `GraphQL ${graphql.text.slice(0, 200)}, tRPC ${trpc.status}`;
  }),
  attempt('viewer', 'writes', 'giving acknowledged writes up', async (target) => {
    const headers = withKey(await target.key('viewer'));
    const body = { group: target.group, mode: 'failover', allow_data_loss: true };
    return allOf(
      [['failover', (await call(target, '/api/v1/cluster/failover', { method: 'POST', headers, body })).status]],
      [403],
    );
  }),
  attempt('viewer', 'audit', 'reading the audit log, or events of it', async (target) => {
    const headers = withKey(await target.key('viewer'));
    const paths = ['/audit', '/audit/verify', '/audit?format=csv'];
    return allOf(
      await Promise.all(
        paths.map(async (path) => [path, (await call(target, `/api/v1${path}`, { headers })).status] as const),
      ),
      [403],
    );
  }),
  attempt('viewer', 'service', 'more calls than anybody may make: others are answered', async (target) => {
    const headers = withKey(await target.key('viewer'));
    const flood = Array.from({ length: 400 }, () =>
      call(target, '/api/v1/cluster/topology', { headers }).then(({ status }) => status),
    );
    const other = await call(target, '/api/v1/cluster/nodes', { headers: withKey(await target.key('viewer')) });
    await Promise.all(flood);
    return other.status === 200 ? held : `another viewer is answered ${other.status}`;
  }),
];

const runsCode = {
  dynamic_library_path: '/tmp/evil',
  shared_preload_libraries: '/tmp/evil.so',
  session_preload_libraries: '../../../tmp/evil',
  local_preload_libraries: '/tmp/evil',
  jit_provider: '/tmp/evil',
  archive_command: 'touch /tmp/attack',
  archive_library: '/tmp/evil.so',
  archive_cleanup_command: 'touch /tmp/attack',
  restore_command: 'touch /tmp/attack',
  recovery_end_command: 'touch /tmp/attack',
  ssl_passphrase_command: 'touch /tmp/attack',
};
const namesFiles = {
  data_directory: '/tmp',
  hba_file: '/tmp/hba',
  ident_file: '/tmp/ident',
  config_file: '/tmp/conf',
  external_pid_file: '/tmp/attack',
  log_directory: '/tmp',
  unix_socket_directories: '/tmp',
  ssl_cert_file: '/tmp/x',
  ssl_key_file: '/etc/shadow',
  krb_server_keyfile: '/etc/shadow',
  extension_control_path: '/tmp',
};
const endsPromises = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  synchronous_standby_names: '',
  wal_level: 'minimal',
  zero_damaged_pages: 'on',
  ignore_checksum_failure: 'on',
  allow_system_table_mods: 'on',
  primary_conninfo: 'host=evil',
  hot_standby: 'off',
  restart_after_crash: 'on',
};
const locksOut = {
  listen_addresses: '10.0.0.1',
  port: '1',
  max_connections: '1',
  password_encryption: 'md5',
  superuser_reserved_connections: '0',
  reserved_connections: '0',
};

export const operatorAttacks: readonly Attempt[] = [
  attempt('operator', 'superuser', 'settings that load code or run commands', (target) =>
    refusedSettings(target, runsCode),
  ),
  attempt('operator', 'superuser', 'a slot whose plugin is a path', (target) =>
    given(
      target,
      ['/tmp/evil', '../../tmp/evil', 'evil; drop', './evil'].map(
        (plugin, number) =>
          [
            'POST',
            '/replication/slots',
            { slot_name: `attack_${number}`, slot_type: 'logical', plugin, database: 'app', group: target.group },
          ] as const,
      ),
      [400, 403],
    ),
  ),
  attempt('operator', 'root', 'settings that name or open files', (target) => refusedSettings(target, namesFiles)),
  attempt('operator', 'secrets', 'every call that reads what is for admins', (target) =>
    walk(target, 'operator', reading),
  ),
  attempt('operator', 'control', 'users, keys, faults: every call of an admin', (target) =>
    walk(target, 'operator', changing),
  ),
  attempt('operator', 'control', 'another group than those of its key', async (target) => {
    const headers = withKey(await target.key('operator', [target.otherGroup]));
    const { text } = await call(target, '/api/v1/cluster/nodes', { headers });
    const groups = (JSON.parse(text) as { group: string }[]).map(({ group }) => group);
    if (groups.includes(target.group)) return 'sees nodes of another group';
    const primary = await target.cluster.primary(target.group);
    const seen = [
      [
        'failover',
        await call(target, '/api/v1/cluster/failover', { method: 'POST', headers, body: { group: target.group } }),
      ],
      [
        'restart',
        await call(target, `/api/v1/cluster/nodes/${primary}/restart`, { method: 'POST', headers, body: {} }),
      ],
      ['config', await call(target, '/api/v1/cluster/config', { method: 'PUT', headers, body: { drain_ms: 1 } })],
      ['users', await call(target, '/api/v1/users', { headers })],
    ] as const;
    return allOf(
      seen.map(([what, { status }]) => [what, status] as const),
      [403, 404],
    );
  }),
  attempt('operator', 'writes', 'settings that end the promises', (target) => refusedSettings(target, endsPromises)),
  attempt('operator', 'writes', 'giving acknowledged writes up, by any call', async (target) => {
    const { group } = target;
    const standbys = (await target.cluster.nodes())
      .filter((node) => node.group === group && node.role === 'standby')
      .map((node) => node.node_id);
    const primary = await target.cluster.primary(group);
    return given(
      target,
      [
        ['POST', '/cluster/failover', { group, mode: 'failover', allow_data_loss: true }],
        ['POST', '/cluster/failover', { group, allow_slot_loss: true }],
        ['POST', '/cluster/failover', { group, mode: 'failover', force: true }],
        ['POST', '/replication/configure', { group, mode: 'asynchronous', standby_nodes: standbys }],
        [
          'POST',
          '/replication/configure',
          { group, mode: 'asynchronous', standby_nodes: standbys, allow_data_loss: true },
        ],
        ['PUT', '/cluster/config', { sync_replication: false }],
        ['PUT', '/cluster/config', { sync_replication: false, allow_data_loss: true }],
        ['POST', `/cluster/nodes/${primary}/stop`, { force: true }],
      ],
      [400, 403],
    );
  }),
  attempt('operator', 'service', 'settings that lock everybody out', (target) => refusedSettings(target, locksOut)),
  attempt('operator', 'audit', 'reading or ending the audit', (target) =>
    given(
      target,
      [
        ['GET', '/audit', {}],
        ['GET', '/audit/verify', {}],
        ['DELETE', '/audit', {}],
      ]
        .map(([method, path]) => [method as string, path as string, {}] as const)
        .filter(([method]) => method !== 'GET'),
      [404, 405],
    ).then(async (verdict) => {
      if (verdict !== held) return verdict;
      const headers = withKey(await target.key('operator'));
      return allOf(
        await Promise.all(
          ['/audit', '/audit/verify'].map(
            async (path) => [path, (await call(target, `/api/v1${path}`, { headers })).status] as const,
          ),
        ),
        [403],
      );
    }),
  ),
];
