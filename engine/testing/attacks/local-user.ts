/** Another user of the host, without any right; and PostgreSQL's own user, which may be in somebody's hands. Both need root to be tried. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollUntil } from '../../kernel/async';
import { sharedUser } from '../../postgres/native';
import { liveProcesses } from '../real-cluster';
import { asSuperuser } from '../superuser';
import { type Attempt, allOf, attempt, call, held, noEntry, settled, sqlAnswer, type Target, told } from './attack';
import { namesOfSecrets, portsOf, postgresUser, secretsOf, shellAs, shellInBackground, somebody } from './installation';
import { besides, epochOf, startup } from './stranger';

type User = { readonly uid: number; readonly gid: number };

/** As this user each line must fail. */
function denied(user: User, lines: readonly (readonly [what: string, line: string])[]): string {
  return allOf(
    lines.map(([what, line]) => [what, shellAs(user, line).status === 0 ? 'allowed' : 'refused']),
    ['refused'],
  );
}

/** The files of each server, and a signal to each of their processes. */
async function pastPostgres({ cluster }: Target, user: User): Promise<string> {
  const nodes = await cluster.nodes();
  const directories = nodes.map(({ node_id: id }) => join(cluster.nodeDirectory(id), 'pgdata'));
  const pids = nodes.flatMap(({ node_id: id }) => cluster.postgresProcesses(id));
  return denied(user, [
    ...directories.flatMap((path) => [
      [`list ${path}`, `ls '${path}'`] as const,
      [`write ${path}`, `echo x > '${path}/attack'`] as const,
    ]),
    ...pids.map((pid) => [`signal ${pid}`, `kill -CONT ${pid}`] as const),
  ]);
}

const privateFiles = ({ cluster }: Target) => {
  const { dataDirectory } = cluster;
  return [
    ...namesOfSecrets.map((name) => join(dataDirectory, 'secrets', name)),
    join(dataDirectory, 'audit', 'audit.jsonl'),
    join(dataDirectory, 'cluster.json'),
  ];
};

/** Programs of ours that root started. */
function ownPids({ cluster }: Target): readonly number[] {
  return cluster.allProcesses().filter((pid) => {
    try {
      return statSync(`/proc/${pid}`).uid === 0;
    } catch {
      return false;
    }
  });
}

function rootAttacks(
  actor: 'local user' | 'PostgreSQL’s user',
  userOf: (target: Target) => Promise<User>,
): readonly Attempt[] {
  return [
    attempt(
      actor,
      'secrets',
      'reading secrets, the audit log and what the programs were started with',
      async (target) => {
        const user = await userOf(target);
        const files = privateFiles(target).map((path) => [path, `cat '${path}'`] as const);
        const started = ownPids(target).map((pid) => [`environment of ${pid}`, `cat /proc/${pid}/environ`] as const);
        const memory = ownPids(target).map(
          (pid) => [`memory of ${pid}`, `cat /proc/${pid}/maps && head -c 1 /proc/${pid}/mem`] as const,
        );
        return denied(user, [...files, ...started, ...memory]);
      },
    ),
    attempt(
      actor,
      'secrets',
      'the command lines of all processes, and files that everybody may read',
      async (target) => {
        const lines = liveProcesses().map((pid) => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          } catch {
            return '';
          }
        });
        const { output } = shellAs(
          await userOf(target),
          'find "$1" "$2" -type f -size -4096k -not -path "*/pgdata/*" -exec cat {} + 2>/dev/null',
          target.cluster.dataDirectory,
          target.cluster.nodeDirectory(await target.cluster.primary(target.group)),
        );
        // Its own server's replication password lies in a file of PostgreSQL's user.
        const secrets = secretsOf(target).filter(([name]) => actor === 'local user' || !/replication/.test(name));
        return told([...lines, output].join('\n'), secrets);
      },
    ),
    attempt(actor, 'root', 'making, renaming or linking files where root reads and writes', async (target) => {
      const { dataDirectory } = target.cluster;
      const node = target.cluster.nodeDirectory(await target.cluster.primary(target.group));
      const places = [
        dataDirectory,
        join(dataDirectory, 'run'),
        join(dataDirectory, 'logs'),
        join(dataDirectory, 'secrets'),
        join(dataDirectory, 'audit'),
        join(dataDirectory, 'nodes'),
        node,
        join(node, 'raft'),
        join(node, 'archive'),
      ];
      return denied(
        await userOf(target),
        places.flatMap((place) => [
          [`a file in ${place}`, `echo x > '${place}/attack'`] as const,
          [`a link in ${place}`, `ln -s /etc/passwd '${place}/attack.tmp'`] as const,
          [`${place} renamed`, `mv '${place}' '${place}.away'`] as const,
        ]),
      );
    }),
    attempt(
      actor,
      'control',
      'signals to the programs that root started, and words at their guardians',
      async (target) => {
        const user = await userOf(target);
        const signals = ownPids(target).map((pid) => [`SIGTERM to ${pid}`, `kill -TERM ${pid}`] as const);
        const nodes = await target.cluster.nodes();
        const guardians = nodes.map(
          ({ node_id: id }) =>
            [`guardian of ${id}`, `test -w '${join(target.cluster.nodeDirectory(id), 'guardian.sock')}'`] as const,
        );
        return denied(user, [...signals, ...guardians]);
      },
    ),
    attempt(actor, 'audit', 'writing the audit log', async (target) =>
      denied(await userOf(target), [
        ['a line', `echo '{}' >> '${join(target.cluster.dataDirectory, 'audit', 'audit.jsonl')}'`],
        ['emptied', `truncate -s 0 '${join(target.cluster.dataDirectory, 'audit', 'audit.jsonl')}'`],
      ]),
    ),
  ];
}

async function streams({ cluster, group }: Target): Promise<boolean> {
  const rows = await asSuperuser<{ n: string }>(
    cluster,
    await cluster.primary(group),
    "select count(*)::text as n from pg_stat_replication where state = 'streaming'",
  );
  return Number(rows[0]!.n) > 0;
}

/** As somebody else's process: it connects, says nothing, and stays until it is ended. */
const holdConnections = (port: number, count: number) =>
  `i=0; while [ $i -lt ${count} ]; do (exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 8) & i=$((i+1)); done; sleep 8`;

const ofLocalUser: readonly Attempt[] = [
  ...rootAttacks('local user', async () => somebody),
  attempt(
    'local user',
    'superuser',
    'the superuser over TCP with the right password, and over its socket',
    async (target) => {
      const [, password] = secretsOf(target).find(([name]) => name === 'password of superuser')!;
      const nodes = await target.cluster.nodes();
      const seen = await Promise.all(
        nodes.map(
          async ({ node_id: id }) =>
            [
              `rustydb at ${id}`,
              await sqlAnswer(
                { ...(await target.cluster.direct(id)), user: 'rustydb', password, database: 'postgres' },
                'select 1',
              ),
            ] as const,
        ),
      );
      const sockets = nodes.map(
        ({ node_id: id }) => [`socket of ${id}`, `ls '${join(target.cluster.nodeDirectory(id), 'run')}'`] as const,
      );
      const tcp = allOf(seen, noEntry);
      return tcp === held ? denied(somebody, sockets) : tcp;
    },
  ),
  attempt('local user', 'writes', 'the data of a node, read or changed past PostgreSQL', (target) =>
    pastPostgres(target, somebody),
  ),
  attempt('local user', 'writes', 'the same as nobody, whom programs and other installations share', (target) =>
    pastPostgres(target, sharedUser() ?? somebody),
  ),
  attempt('local user', 'service', 'the connections of a standby’s WAL relay', async (target) => {
    const primary = await target.cluster.primary(target.group);
    const standby = (await target.cluster.nodes()).find(
      (node) => node.group === target.group && node.node_id !== primary,
    )!.node_id;
    const port = portsOf(target)[`${standby}.wal`];
    if (port === undefined) return held;
    const holding = shellInBackground(somebody, holdConnections(port, 40));
    try {
      await asSuperuser(target.cluster, primary, 'select pg_terminate_backend(pid) from pg_stat_replication');
      await pollUntil(async () => (await streams(target)) || undefined, {
        what: 'the standby streams again',
        timeoutMs: 7_000,
        intervalMs: 50,
      });
      return held;
    } catch (error) {
      return (error as Error).message;
    } finally {
      holding.end();
    }
  }),
];

/** PostgreSQL's own port, past the router: docs/security.md says what such connections can do and what not. */
const hoarding = attempt(
  'local user',
  'service',
  '150 start-up packets at PostgreSQL’s own port: the lease is kept, applications get in',
  async (target) => {
    const before = await epochOf(target);
    const primary = await target.cluster.primary(target.group);
    const login = await target.cluster.direct(primary);
    await besides(portsOf(target)[`${primary}.postgres`]!, 150, startup('app', 'app'), async () => {
      const letIn = async () => (await sqlAnswer(login, 'select 1')) === 'allowed' || undefined;
      await pollUntil(letIn, { what: 'an application is let in', timeoutMs: 30_000, intervalMs: 100 });
    });
    // What is left of them is ended by the agent, and whoever signs in slowly beside it.
    const gone = async () => (await notSignedIn(target, primary)) === 0 || undefined;
    await pollUntil(gone, { what: 'the connections are gone', timeoutMs: 30_000, intervalMs: 100 });
    return (await epochOf(target)) === before ? held : 'the primary lost its lease';
  },
);

async function notSignedIn({ cluster }: Target, node: string): Promise<number> {
  const [row] = await asSuperuser<{ n: number }>(
    cluster,
    node,
    "select count(*)::int as n from pg_catalog.pg_stat_activity where backend_type = 'client backend' and usename is null",
  );
  return row!.n;
}

export const localUserAttacks: readonly Attempt[] = [...ofLocalUser, hoarding];

export const postgresUserAttacks: readonly Attempt[] = [
  ...rootAttacks('PostgreSQL’s user', async (target) =>
    postgresUser(target, await target.cluster.primary(target.group)),
  ),
  attempt(
    'PostgreSQL’s user',
    'root',
    'a link in the place of standby.signal, and root starts the server',
    async (target) => {
      const { cluster } = target;
      const primary = await cluster.primary(target.group);
      const standby = (await cluster.nodes()).find(
        (node) => node.group === target.group && node.node_id !== primary,
      )!.node_id;
      const victim = join(cluster.dataDirectory, 'attack-victim');
      writeFileSync(victim, 'root’s own', { mode: 0o600 });
      const signal = join(cluster.nodeDirectory(standby), 'pgdata', 'standby.signal');
      shellAs(postgresUser(target, standby), `rm -f '${signal}'; ln -s '${victim}' '${signal}'`);
      await cluster.api('POST', `/cluster/nodes/${standby}/restart`, {});
      await settled(target);
      const { uid } = statSync(victim);
      const verdict =
        readFileSync(victim, 'utf8') === 'root’s own' && uid === 0 ? held : 'root wrote a file, or gave it away';
      rmSync(victim);
      return verdict;
    },
  ),
  attempt(
    'PostgreSQL’s user',
    'secrets',
    'a link to root’s file in the log directory, and a FIFO: the log page and the agent go on',
    async (target) => {
      const node = await target.cluster.primary(target.group);
      const log = join(target.cluster.nodeDirectory(node), 'log');
      const secret = join(target.cluster.dataDirectory, 'secrets', 'break-glass-token');
      const user = postgresUser(target, node);
      shellAs(user, `ln -sf '${secret}' '${log}/zz-attack.json'; mkfifo '${log}/zzz-attack.json'`);
      try {
        const page = await target.cluster.api('GET', `/cluster/nodes/${node}/logs?limit=1000`);
        const quiet = told(JSON.stringify(page.body), secretsOf(target));
        return page.status === 200 ? quiet : `the log page answers ${page.status}`;
      } finally {
        shellAs(user, `rm -f '${log}/zz-attack.json' '${log}/zzz-attack.json'`);
      }
    },
  ),
  attempt('PostgreSQL’s user', 'secrets', 'the environment of its own processes', async (target) => {
    const node = await target.cluster.primary(target.group);
    const user = postgresUser(target, node);
    const environments = target.cluster
      .postgresProcesses(node)
      .map((pid) => shellAs(user, `cat /proc/${pid}/environ`).output);
    if (!environments.some((one) => one.includes('PATH='))) return 'could not be tried: no environment can be read';
    return told(environments.join('\n'), secretsOf(target));
  }),
  attempt('PostgreSQL’s user', 'service', 'a stopped agent, by files of PostgreSQL’s own', async (target) => {
    const nodes = await target.cluster.nodes();
    return allOf(
      [
        ['/healthz', (await call(target, '/healthz')).status],
        ...nodes.map(({ node_id: id, status }) => [id, status] as const),
      ],
      [200, 'healthy'],
    );
  }),
];
