/** How to connect, for people and programs. The password is a placeholder unless an admin revealed it. Pure. */

export type Endpoint = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly kind: 'rw' | 'ro';
};

export type Snippet = { readonly id: string; readonly label: string; readonly code: string };

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
