/** GraphQL's Int ends at 2^31 − 1: an argument that REST takes beyond it must be BigInt there, or the surfaces would not take the same calls. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { allProcedures } from '@/server/procedures/registry';
import { bare, defOf } from './graphql/types';

const largestInt = 2 ** 31 - 1;

/** Paths of integer arguments that may be beyond Int and are not BigInt. */
function tooLarge(wrapped: z.ZodType, path: string): string[] {
  const { schema, scalar } = bare(wrapped);
  const def = defOf(schema);
  if (def.element) return tooLarge(def.element, `${path}[]`);
  if (def.options) return def.options.flatMap((option) => tooLarge(option, path));
  if (def.shape) return Object.entries(def.shape).flatMap(([key, field]) => tooLarge(field, `${path}.${key}`));
  const json = z.toJSONSchema(wrapped, { io: 'input', unrepresentable: 'any' });
  if (json.type !== 'integer' || scalar === 'BigInt') return [];
  return (json.maximum ?? Number.POSITIVE_INFINITY) > largestInt ? [path] : [];
}

it('no argument of any call is larger than its GraphQL type', () => {
  expect(allProcedures.flatMap((one) => tooLarge(one.input, one.name))).toEqual([]);
});
