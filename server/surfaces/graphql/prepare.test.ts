/** What is remembered of documents: the few that come again and again, never more text than the bound. */
import { expect, it } from 'vitest';
import type { CallContext } from '../call-context';
import { DocumentCache } from './prepare';
import { buildGraphqlSchema } from './schema';

const anonymous = { identity: { kind: 'anonymous' }, requestId: 'r' } as CallContext;

it('remembers a document, and forgets the oldest when the texts together are too long', () => {
  const cache = new DocumentCache(buildGraphqlSchema());
  const documentOf = (text: string) => {
    const admitted = cache.admit(text, {}, anonymous);
    if (!admitted.ok) throw admitted.errors[0];
    return admitted.document;
  };
  const first = documentOf('{ __typename }');
  expect(documentOf('{ __typename }')).toBe(first);
  const large = (name: string) =>
    `query ${name} { ${Array.from({ length: 950 }, (_, at) => `a${at}: __typename`).join(' ')} }`;
  const held = documentOf(large('q0'));
  for (let count = 1; count < 10; count++) documentOf(large(`q${count}`));
  expect(documentOf(large('q0'))).toBe(held);
  for (let count = 10; count < 40; count++) documentOf(large(`q${count}`));
  expect(documentOf('{ __typename }')).not.toBe(first);
  expect(documentOf(large('q39'))).toBe(documentOf(large('q39')));
});

it('remembers refusals within the same bound', () => {
  const cache = new DocumentCache(buildGraphqlSchema());
  const refusal = (text: string) => cache.admit(text, {}, anonymous);
  expect(refusal('{ nothing }').ok).toBe(false);
  expect(refusal('{ nothing }')).toMatchObject({
    errors: [{ extensions: { code: 'INVALID_INPUT', request_id: 'r' } }],
  });
});
