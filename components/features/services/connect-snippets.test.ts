import { expect, it } from 'vitest';
import { connectSnippets, directSnippets } from './connect-snippets';

const endpoint = { host: '127.0.0.1', port: 6432, database: 'app', user: 'app', kind: 'rw' } as const;
const code = (password: string | null) =>
  Object.fromEntries(connectSnippets(endpoint, password).map((one) => [one.id, one.code]));

it('never shows a password that was not revealed', () => {
  expect(code(null)).toMatchObject({
    psql: 'PGPASSWORD=… psql -h 127.0.0.1 -p 6432 -U app -d app',
    url: 'postgresql://app:PASSWORD@127.0.0.1:6432/app',
  });
  expect(code(null).node).toContain('process.env.PGPASSWORD');
});

it('quotes what was revealed for shell, URL and program', () => {
  const shown = code(`p'w/\\d`);
  expect(shown.psql).toContain(`PGPASSWORD='p'\\''w/\\d'`);
  expect(shown.url).toContain(encodeURIComponent(`p'w/\\d`));
  expect(shown.node).toContain(`password: 'p\\'w/\\\\d'`);
});

const members = [
  { host: '10.0.0.1', port: 5432 },
  { host: 'fd00::2', port: 5433 },
];
const direct = (kind: 'rw' | 'ro', password: string | null) =>
  Object.fromEntries(
    directSnippets({ kind, database: 'app', user: 'app', members }, password).map((one) => [one.id, one.code]),
  );

it('names all members, and which of them is wanted', () => {
  expect(direct('rw', null)).toEqual({
    'direct-url':
      'postgresql://app:PASSWORD@10.0.0.1:5432,[fd00::2]:5433/app?target_session_attrs=read-write&connect_timeout=3',
    'direct-psql':
      'PGPASSWORD=… psql "host=10.0.0.1,fd00::2 port=5432,5433 dbname=app user=app target_session_attrs=read-write connect_timeout=3"',
    'direct-jdbc':
      'jdbc:postgresql://10.0.0.1:5432,[fd00::2]:5433/app?user=app&password=PASSWORD&targetServerType=primary&connectTimeout=3',
  });
  const reads = direct('ro', `p'w`);
  expect(reads['direct-url']).toContain('target_session_attrs=prefer-standby&connect_timeout=3');
  expect(reads['direct-psql']).toContain(`PGPASSWORD='p'\\''w'`);
  expect(reads['direct-jdbc']).toContain('targetServerType=preferSecondary');
});
