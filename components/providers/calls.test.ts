/**
 * Nothing can be changed from the console that can't be copied as curl, GraphQL and CLI: walks the console's sources. A change is made from `useCalls`
 * and sent by `useSend`, and whoever sends offers the copy in the same component.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ApiDocument, callForms } from '../ui/call-forms';

/** What belongs to one browser's session: an API key has no password and no cookie, so there is nothing that a script could run. */
const ownSession: Readonly<Record<string, readonly string[]>> = {
  'components/features/frame/account-menu.tsx': ['auth.logout'],
  'components/features/settings/account-settings.tsx': ['auth.changePassword'],
  'components/features/sign-in/invitation-page.tsx': ['auth.login', 'invitations.accept'],
  'components/features/sign-in/sign-in-page.tsx': ['auth.login'],
  'components/providers/password-proof.tsx': ['auth.reauthenticate'],
};

const sources = ['app', 'components'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(folder, file), 'utf8') })),
);

const having = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file);
const namesIn = (text: string, pattern: RegExp) =>
  [...new Set([...text.matchAll(pattern)].map(([, area, verb]) => `${area}.${verb}`))].sort();

it('sends changes from one place only, but for the browser’s own session', () => {
  const direct = having(/\buseMutation\b|\bmutationOptions\b|\bmutateAsync\b|\.mutate\(/);
  expect(direct.sort()).toEqual(
    [...Object.keys(ownSession), 'components/feedback/use-send.ts', 'components/providers/calls.ts'].sort(),
  );
  for (const [file, names] of Object.entries(ownSession)) {
    const { text } = sources.find((one) => one.file === file)!;
    expect(namesIn(text, /(?:trpc|client)\.(\w+)\.(\w+)\.mut/g), file).toEqual(names);
  }
});

it('offers the copy wherever it offers to send', () => {
  const senders = having(/\buseSend[<(]/).filter((file) => file !== 'components/feedback/use-send.ts');
  expect(senders.length).toBeGreaterThanOrEqual(4);
  for (const file of senders) {
    const { text } = sources.find((one) => one.file === file)!;
    expect(text, file).toMatch(/<CopyAs call=\{call\}/);
    // By which e2e/specs/roles.spec.ts knows what a control would ask of the server.
    expect(text, file).toMatch(/data-procedure=\{/);
  }
  // A plan changes nothing: it is asked for to be shown.
  expect(having(/\.send\(\)/).sort()).toEqual([
    'components/features/operations/planned-action.tsx',
    'components/feedback/use-send.ts',
  ]);
});

it('has all three forms for every change that it offers', () => {
  const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as ApiDocument;
  const offered = sources.flatMap(({ text }) => namesIn(text, /\bcalls\.(\w+)\.(\w+)\(/g));
  expect(new Set(offered).size).toBeGreaterThanOrEqual(30);
  for (const procedure of offered) {
    const forms = callForms(document, { procedure, input: {} }, 'http://127.0.0.1:8080');
    expect(Object.values(forms ?? { none: null }).every(Boolean), procedure).toBe(true);
  }
});
