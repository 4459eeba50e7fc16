/**
 * Inputs for fuzzing, from the schemas of the procedures: mostly such as the schema accepts, with parts that it must refuse mixed in. Every
 * value is made by fast-check from a seed, so a finding can be run again.
 */
import fc from 'fast-check';
import type { AnyDefinition } from '@/server/procedures/definition';
import { bare, defOf } from '@/server/surfaces/graphql/types';

type Schema = AnyDefinition['input'];

/** What tends to break parsers, SQL, paths, headers and terminals. */
export const nasty = fc.constantFrom<unknown>(
  '',
  ' ',
  "'; drop table users; --",
  '../../etc/passwd',
  '%00',
  '\u0000',
  '\r\nX-Injected: 1',
  '__proto__',
  'constructor',
  '🦀'.repeat(40),
  'a'.repeat(5000),
  '\ud800',
  -1,
  0,
  1e308,
  2 ** 53,
  -0.5,
  null,
  true,
  [],
  {},
  [[[[]]]],
  { toString: 1 },
  { $ref: '#/' },
  ['node-1', null],
);

const known = fc.constantFrom(
  'node-1',
  'node-2',
  'node-3',
  'node-99',
  'alpha',
  'beta',
  'gamma',
  'alpha-rw',
  'admin',
  'maria',
);

/** One in six parts is nasty. */
export function inputOf(definition: AnyDefinition): fc.Arbitrary<unknown> {
  const own = anyOf(definition.input);
  const example = fc.constant(definition.example as unknown);
  const mixed = fc
    .tuple(example, own, fc.boolean())
    .map(([base, other, keep]) => (keep ? { ...(base as object), ...(other as object) } : other));
  const unknownKey = fc
    .tuple(mixed, fc.string({ maxLength: 12 }), nasty)
    .map(([value, key, extra]) => ({ ...(value as object), [key]: extra }));
  return fc.oneof(
    { arbitrary: mixed, weight: 8 },
    { arbitrary: example, weight: 2 },
    { arbitrary: unknownKey, weight: 1 },
    { arbitrary: nasty, weight: 1 },
  );
}

export function anyOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fitting(schema), weight: 5 }, { arbitrary: nasty, weight: 1 });
}

function fitting(wrapped: Schema): fc.Arbitrary<unknown> {
  const { schema } = bare(wrapped);
  const def = defOf(schema);
  const { entries, values, keyType, valueType } = def as unknown as {
    entries?: Record<string, string>;
    values?: unknown[];
    keyType?: Schema;
    valueType?: Schema;
  };
  switch (def.type) {
    case 'object':
      return fc.record(Object.fromEntries(Object.entries(def.shape ?? {}).map(([key, field]) => [key, anyOf(field)])), {
        requiredKeys: [],
      });
    case 'array':
      return fc.array(anyOf(def.element!), { maxLength: 4 });
    case 'record':
      return fc.dictionary(keyType ? (fitting(keyType) as fc.Arbitrary<string>) : fc.string(), anyOf(valueType!), {
        maxKeys: 4,
      });
    case 'enum':
      return fc.constantFrom(...Object.values(entries ?? {}));
    case 'literal':
      return fc.constantFrom(...(values ?? []));
    case 'boolean':
      return fc.boolean();
    case 'number':
      return fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer(), fc.double());
    case 'union':
      return fc.oneof(...(def.options ?? []).map((option) => fitting(option)));
    case 'string':
      return fc.oneof(
        known,
        fc.string({ maxLength: 40 }),
        fc.constantFrom('2030-01-01T00:00:00Z', 'eyJ4IjoxfQ', 'W10', '0000000001-000000000001'),
      );
    default:
      return nasty;
  }
}
