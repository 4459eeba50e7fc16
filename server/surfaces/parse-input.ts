/** Validation of an input against its procedure, with messages that name the field. */
import type { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';

export function parseInput(definition: AnyDefinition, raw: unknown): Record<string, unknown> {
  const parsed = definition.input.safeParse(raw ?? {});
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const fields = parsed.error.issues.flatMap((issue) => fieldsOf(definition, issue)).slice(0, 50);
  const first = fields[0];
  throw new ClusterError('INVALID_INPUT', first ? messageOf(first) : 'The input is not valid', {
    extra: { fields: fields.map(({ field, message }) => ({ field, message })) },
  });
}

type Field = { readonly field: string; readonly message: string; readonly whole?: true };

function fieldsOf(definition: AnyDefinition, issue: z.core.$ZodIssue): Field[] {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: path ? `${path}.${key}` : key,
      message:
        definition.unknownKey?.(key) ?? `Unknown field: ${path ? `${path}.${key}` : `${key}${known(definition)}`}`,
      whole: true,
    }));
  }
  return [{ field: path, message: issue.message }];
}

function known({ input }: AnyDefinition): string {
  const { def } = input._zod as unknown as { readonly def: { readonly shape?: object } };
  const keys = Object.keys(def.shape ?? {});
  return keys.length === 0 ? '; the call takes none' : `; known are ${keys.join(', ')}`;
}

function messageOf({ field, message, whole }: Field): string {
  return whole || field === '' ? message : `${field}: ${message}`;
}
