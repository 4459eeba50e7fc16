import { expect, it } from 'vitest';
import { connectSnippets } from './connect-snippets';

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
