/** How to connect, for people and programs: straight to PostgreSQL, and through the router. The password is a placeholder unless an admin revealed it. Pure. */

export type Endpoint = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly kind: 'rw' | 'ro';
};

export type Members = readonly { readonly host: string; readonly port: number }[];

export type Snippet = { readonly id: string; readonly label: string; readonly code: string };

const shellQuoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** All members in one string: the client finds the right one itself, and nothing stands between. For libpq (psql, psycopg, Go, Ruby, PHP …) and JDBC. */
export function directSnippets(
  service: Pick<Endpoint, 'kind' | 'database' | 'user'> & { readonly members: Members },
  password: string | null,
): readonly Snippet[] {
  const { database, user, members, kind } = service;
  const shell = password === null ? '…' : shellQuoted(password);
  const encoded = password === null ? 'PASSWORD' : encodeURIComponent(password);
  const hosts = members.map(({ host }) => host).join(',');
  const ports = members.map(({ port }) => port).join(',');
  const pairs = members.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const wanted = `target_session_attrs=${kind === 'rw' ? 'read-write' : 'prefer-standby'}`;
  const jdbc = kind === 'rw' ? 'targetServerType=primary' : 'targetServerType=preferSecondary&loadBalanceHosts=true';
  const words = [`host=${hosts}`, `port=${ports}`, `dbname=${database}`, `user=${user}`, wanted, 'connect_timeout=3'];
  return [
    {
      id: 'direct-url',
      label: 'Connection URL (libpq)',
      code: `postgresql://${user}:${encoded}@${pairs}/${database}?${wanted}&connect_timeout=3`,
    },
    { id: 'direct-psql', label: 'psql', code: `PGPASSWORD=${shell} psql "${words.join(' ')}"` },
    {
      id: 'direct-jdbc',
      label: 'JDBC',
      code: `jdbc:postgresql://${pairs}/${database}?user=${user}&password=${encoded}&${jdbc}&connectTimeout=3`,
    },
  ];
}

export function connectSnippets(endpoint: Endpoint, password: string | null): readonly Snippet[] {
  const { host, port, database, user } = endpoint;
  const shell = password === null ? '…' : `'${password.replaceAll("'", `'\\''`)}'`;
  const encoded = password === null ? 'PASSWORD' : encodeURIComponent(password);
  const literal =
    password === null ? 'process.env.PGPASSWORD' : `'${password.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return [
    { id: 'psql', label: 'psql', code: `PGPASSWORD=${shell} psql -h ${host} -p ${port} -U ${user} -d ${database}` },
    { id: 'url', label: 'Connection URL', code: `postgresql://${user}:${encoded}@${host}:${port}/${database}` },
    {
      id: 'node',
      label: 'node-postgres',
      code: [
        "import { Pool } from 'pg';",
        '',
        'const pool = new Pool({',
        `  host: '${host}', port: ${port}, database: '${database}', user: '${user}',`,
        `  password: ${literal},`,
        '});',
        ...(endpoint.kind === 'rw'
          ? ['', '// A switchover ends open sessions once with 57P01: run the transaction again, idempotently.']
          : []),
      ].join('\n'),
    },
  ];
}
