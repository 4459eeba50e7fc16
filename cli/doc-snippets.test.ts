/** What stands above a snippet decides about it, and a snippet with nothing above it is executed. */
import { expect, it } from 'vitest';
import { snippetsOf } from './doc-snippets';

it('reads what stands above each snippet', () => {
  const page = [
    '# Page',
    '```sh',
    'one',
    '```',
    '- item',
    '',
    '  <!-- prints: ^tw.$ -->',
    '  ```sh',
    '  two',
    '    2',
    '  ```',
    '<!-- not run: needs a proxy -->',
    '```sql',
    'three',
    '```',
    '<!-- script: four.ts alpha -->',
    '```ts',
    '```',
    '```json',
    '{}',
    '```',
  ].join('\n');
  const [one, two, three, four, ...others] = snippetsOf(page);
  expect(one).toMatchObject({ line: 2, text: 'one\n', notRun: null, script: null, prints: null });
  expect(two).toMatchObject({ line: 8, text: 'two\n  2\n', prints: /^tw.$/ms });
  expect(three).toMatchObject({ language: 'sql', notRun: 'needs a proxy' });
  expect(four).toMatchObject({ language: 'ts', script: ['four.ts', 'alpha'] });
  expect(others).toEqual([]);
});

it('lets no block hide behind another name of its language', () => {
  expect(() => snippetsOf('```bash\ntrue\n```\n')).toThrow('called sh, ts or sql');
});

it.each(['not run:', 'not run', 'skipped: later', 'prints:'])('takes "%s" for a mistake', (comment) => {
  expect(() => snippetsOf(`<!-- ${comment} -->\n\`\`\`sh\n\`\`\`\n`)).toThrow('means nothing');
});
