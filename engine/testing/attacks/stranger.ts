/** A stranger who reaches the ports: the console's, the router's, PostgreSQL's, the probes'. */
import { connect, type Socket } from 'node:net';
import { type Attempt, allOf, attempt, call, held, noEntry, sqlAnswer, type Target, told } from './attack';
import { namesOfSecrets, portsOf, secretsOf } from './installation';

const actor = 'stranger';

/** Connections that say `first` and nothing more, while something is asked. */
export async function besides<T>(port: number, count: number, first: Buffer | null, ask: () => Promise<T>): Promise<T> {
  const sockets: Socket[] = [];
  try {
    for (let number = 0; number < count; number++) {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => undefined);
      socket.once('connect', () => first && socket.write(first));
      sockets.push(socket);
    }
    return await ask();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

export function startup(user: string, database: string): Buffer {
  const words = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const packet = Buffer.alloc(8 + words.length);
  packet.writeUInt32BE(packet.length, 0);
  packet.writeUInt32BE(0x30000, 4);
  words.copy(packet, 8);
  return packet;
}

const writes = async ({ cluster, group }: Target) => {
  const login = await cluster.service(`${group}-rw`);
  return (
    (await sqlAnswer(login, 'create temp table attack_probe (i int)', 'insert into attack_probe values (1)')) ===
    'allowed'
  );
};

const anonymous = [
  ['GET', '/api/v1/cluster/nodes'],
  ['GET', '/api/v1/cluster/topology'],
  ['GET', '/api/v1/openapi.json'],
  ['GET', '/api/v1/audit'],
  ['GET', '/api/v1/api-keys'],
  ['GET', '/metrics'],
  ['GET', '/api/v1/events'],
  ['GET', '/api/trpc/cluster.listNodes'],
] as const;

export const strangerAttacks: readonly Attempt[] = [
  attempt(actor, 'control', 'changes over REST, GraphQL and tRPC without an identity', async (target) => {
    const body = { group: target.group };
    const seen = await Promise.all([
      call(target, '/api/v1/cluster/failover', { method: 'POST', body }),
      call(target, '/api/v1/cluster/config', { method: 'PUT', body: { drain_ms: 1 } }),
      call(target, '/api/v1/api-keys', { method: 'POST', body: { name: 'x', role: 'admin' } }),
      call(target, '/api/trpc/cluster.failover', { method: 'POST', body }),
      call(target, '/graphql', { method: 'POST', body: { query: 'mutation { removeClusterNode(id: "nobody") }' } }),
    ]);
    const rest = allOf(
      seen.slice(0, 4).map(({ status }, index) => [`call ${index}`, status]),
      [401],
    );
    if (rest !== held) return rest;
    return seen[4]!.text.includes('UNAUTHORIZED') ? held : `GraphQL: ${seen[4]!.text.slice(0, 200)}`;
  }),
  attempt(actor, 'control', 'made-up keys, tokens and cookies', async (target) => {
    const forged: readonly Record<string, string>[] = [
      { 'x-api-key': 'x'.repeat(40) },
      { authorization: `Bearer ${'y'.repeat(40)}` },
      { authorization: 'Basic YWRtaW46YWRtaW4=' },
      { cookie: `rustydb_session=${Buffer.from('{"user":"admin","role":"admin"}').toString('base64url')}.AAAA` },
      { 'x-forwarded-user': 'admin', 'x-role': 'admin' },
    ];
    const seen = await Promise.all(forged.map((headers) => call(target, '/api/v1/cluster/nodes', { headers })));
    return allOf(
      seen.map(({ status }, index) => [Object.keys(forged[index]!)[0]!, status]),
      [401],
    );
  }),
  attempt(actor, 'control', 'Patroni’s changing calls at a probe port', async (target) => {
    const port = Object.entries(portsOf(target)).find(([name]) => name.endsWith('.probes'))![1];
    const paths = ['/switchover', '/failover', '/restart', '/reload', '/reinitialize', '/config', '/primary'];
    const ask = (path: string, method: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method, ...(method === 'DELETE' ? {} : { body: '{}' }) });
    const seen = await Promise.all(
      paths.flatMap((path) =>
        ['POST', 'PUT', 'PATCH', 'DELETE'].map(
          async (method) => [`${method} ${path}`, (await ask(path, method)).status] as const,
        ),
      ),
    );
    return allOf(seen, [404, 405, 413]);
  }),
  attempt(actor, 'control', 'words at the agents’ interconnect without the cluster secret', async (target) => {
    const ports = Object.entries(portsOf(target)).filter(([name]) => name.endsWith('.agent'));
    const seen = await Promise.all(
      ports.map(async ([name, port]) => [name, await answerTo(port, Buffer.from('{"hello":1}\n'.repeat(50)))] as const),
    );
    return allOf(seen, ['closed']);
  }),
  attempt(actor, 'secrets', 'reading pages, metrics, schema and lists without an identity', async (target) => {
    const seen = await Promise.all(
      anonymous.map(async ([method, path]) => [path, (await call(target, path, { method })).status] as const),
    );
    return allOf(seen, [401]);
  }),
  attempt(actor, 'secrets', 'files beside the console’s own, by paths that leave its directory', async (target) => {
    const up = [
      '/../../secrets/',
      '/..%2f..%2f..%2fsecrets/',
      '/_next/static/../../../secrets/',
      '/_next/%2e%2e/%2e%2e/secrets/',
      '/api/docs/../../../secrets/',
    ];
    const seen = await Promise.all(
      up.flatMap((path) => namesOfSecrets.map(async (name) => (await call(target, `${path}${name}`)).text)),
    );
    return told(seen.join('\n'), secretsOf(target));
  }),
  attempt(actor, 'secrets', 'what health probes, readiness and refusals tell', async (target) => {
    const probes = Object.entries(portsOf(target)).filter(([name]) => name.endsWith('.probes'));
    const paths = ['/', '/primary', '/replica', '/cluster', '/history', '/patroni', '/config', '/metrics'];
    const texts = await Promise.all(
      probes.flatMap(([, port]) => paths.map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text())),
    );
    texts.push(
      (await call(target, '/readyz')).text,
      (await call(target, '/healthz')).text,
      (await call(target, '/api/v1/nope')).text,
    );
    return told(texts.join('\n'), [
      ...secretsOf(target),
      ['the data directory', target.cluster.dataDirectory],
      ['a login', 'rustydb_repl'],
    ]);
  }),
  attempt(actor, 'superuser', 'logins of the engine without a password, or with a guessed one', async (target) => {
    const ports = Object.entries(portsOf(target)).filter(([name]) => /\.postgres$|^service\./.test(name));
    const users = [
      'rustydb',
      'rustydb_repl',
      'rustydb_monitor',
      'rustydb_query',
      'rustydb_apply',
      'rustydb_rac',
      'postgres',
    ];
    const seen = await Promise.all(
      ports.flatMap(([name, port]) =>
        users.map(async (user) => {
          const login = { host: '127.0.0.1', port, user, password: user, database: 'postgres' };
          return [`${user} at ${name}`, await sqlAnswer(login, 'select 1')] as const;
        }),
      ),
    );
    return allOf(seen, noEntry);
  }),
  attempt(actor, 'superuser', 'guessing the password of an account, again and again', async (target) => {
    const name = `guessed-${process.pid}`;
    const guess = (number: number) =>
      call(target, '/api/v1/auth/login', { method: 'POST', body: { username: name, password: `guess-${number}` } });
    const seen: number[] = [];
    for (let number = 0; number < 14; number++) seen.push((await guess(number)).status);
    return seen.includes(429) && seen.every((status) => status === 401 || status === 429)
      ? held
      : `answers ${seen.join(', ')}`;
  }),
  attempt(actor, 'writes', 'a replication connection that would acknowledge as a standby', async (target) => {
    const primary = await target.cluster.primary(target.group);
    const login = {
      ...(await target.cluster.direct(primary)),
      user: 'rustydb_repl',
      password: 'guess',
      replication: 'true',
    };
    return allOf([['START_REPLICATION', await sqlAnswer(login, 'IDENTIFY_SYSTEM')]], noEntry);
  }),
  attempt(actor, 'service', '150 start-up packets at the router that never authenticate', async (target) => {
    const port = portsOf(target)[`service.${target.group}-rw`]!;
    return besides(port, 150, startup('app', 'app'), async () =>
      (await writes(target)) ? held : 'an application is not let in',
    );
  }),
  attempt(actor, 'service', '400 silent connections at the router', async (target) => {
    const port = portsOf(target)[`service.${target.group}-rw`]!;
    return besides(port, 400, null, async () => ((await writes(target)) ? held : 'an application is not let in'));
  }),
  attempt(actor, 'service', '300 silent connections at the console, and a body without end', async (target) =>
    besides(
      target.cluster.port,
      300,
      Buffer.from('POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n{'),
      async () =>
        allOf(
          [
            ['/healthz', (await call(target, '/healthz')).status],
            [
              '2 MiB',
              (
                await call(target, '/api/v1/auth/login', {
                  method: 'POST',
                  body: `{"a":"${'x'.repeat(2_100_000)}"}`,
                }).catch(() => ({ status: 413 }))
              ).status,
            ],
          ],
          [200, 413],
        ),
    ),
  ),
  attempt(
    actor,
    'service',
    '200 silent connections at each agent’s port and probe port: the lease is kept',
    async (target) => {
      const before = await epochOf(target);
      const ports = Object.entries(portsOf(target)).filter(([name]) => /\.(agent|probes)$/.test(name));
      const [first, ...rest] = ports.map(([, port]) => port);
      const all = rest.reduce<() => Promise<boolean>>(
        (inner, port) => () => besides(port, 200, Buffer.from('GET '), inner),
        () => writes(target),
      );
      const wrote = await besides(first!, 200, null, all);
      return wrote && (await epochOf(target)) === before ? held : 'the primary lost its lease';
    },
  ),
  attempt(actor, 'audit', 'a refused call without a trace', async (target) => {
    const marker = `attack-${process.pid}-${Math.floor(performance.now())}`;
    await call(target, '/api/v1/cluster/failover', {
      method: 'POST',
      body: { reason: marker },
      headers: { 'x-request-id': marker },
    });
    const { body } = await target.cluster.api<unknown[]>('GET', '/audit?limit=50');
    return JSON.stringify(body).includes('cluster.failover') ? held : 'no line in the audit log';
  }),
];

export async function epochOf({ cluster, group }: Target): Promise<number> {
  const { body } = await cluster.api<{ groups: { name: string; epoch: number }[] }>('GET', '/cluster/topology');
  return body.groups.find(({ name }) => name === group)!.epoch;
}

/** What a port does with bytes that it does not expect. */
function answerTo(port: number, bytes: Buffer): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(30_000, () => done('open'));
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.once('close', () => done('closed'));
    socket.once('connect', () => socket.write(bytes));
  });
}
