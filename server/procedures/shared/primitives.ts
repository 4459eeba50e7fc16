/**
 * The wire's building blocks: every field of every surface is made from these, so a time, an LSN or a byte count looks the same everywhere.
 * `scalar` in the metadata names the GraphQL scalar where it differs from the JSON type.
 */
import { z } from 'zod';

/** Seconds since 1970, whole. RustyDB's own times on REST; `DateTime` in GraphQL. */
export const unixSeconds = z.int().meta({ description: 'Unix time in whole seconds', scalar: 'UnixDateTime' });
/** ISO 8601 with milliseconds, UTC. Times of fields that RustyDB did not have. */
export const isoTime = z.string().meta({ description: 'ISO 8601 with milliseconds, UTC', scalar: 'DateTime' });
/** Bytes or ids beyond 2^31: a safe integer in JSON, `BigInt` in GraphQL. */
export const bigCount = z.int().min(0).meta({ description: 'Whole number, may exceed 2^31', scalar: 'BigInt' });
export const bytes = z.int().min(0).meta({ description: 'Bytes', scalar: 'BigInt' });
export const milliseconds = z.number().meta({ description: 'Milliseconds' });
export const percent = z.number().meta({ description: 'Percent, 0 to 100' });
export const lsn = z.string().meta({ description: 'PostgreSQL log sequence number, e.g. 0/16B3740' });

export const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'lower-case letters, digits and dashes, at most 63, starting with a letter or digit',
  )
  .meta({ description: 'Name: lower-case letters, digits and dashes' });
export const nodeId = name.meta({ description: 'Node id, e.g. node-1' });
/** What is looked up: a name that nothing can have is one that is not there, whoever spells it how. */
const soughtName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'letters, digits, dashes, dots and underscores, at most 128');
/** As an argument of one call; `ID` in GraphQL. */
export const nodeIdArgument = soughtName.meta({ description: 'Node id, e.g. node-1', scalar: 'ID' });
export const groupName = soughtName.meta({ description: 'Group name, e.g. alpha' });
export const operationId = z.string().min(1).max(64).meta({ description: 'Operation id (time-ordered)' });
export const jsonObject = z.record(z.string(), z.unknown());

export const limit = z.int().min(1).max(1000).default(100).meta({ description: 'At most this many items' });
export const cursor = z
  .string()
  .max(1000)
  .optional()
  .meta({ description: 'Where the next page starts, from the answer before' });
export const pageInput = { limit, cursor } as const;

/** A page. REST sends the bare items with a `Link` header; GraphQL has the list and a Connection twin. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next_cursor: z.string().nullable().meta({ description: 'Cursor of the next page; null at the end' }),
    total_count: z.int().nullable().meta({ description: 'How many there are in all; null where counting would cost' }),
  });
}

/** A page of a list that may not be whole. REST says it in the header `X-Notice`. */
export function partialPageOf<T extends z.ZodType>(item: T) {
  return pageOf(item).extend({
    missing_nodes: z
      .array(nodeId)
      .meta({ description: 'Nodes that hold a part of the list and do not answer; empty: none' }),
    notice: z
      .string()
      .nullable()
      .meta({ description: 'One sentence: what is missing and why; null: the list is whole' }),
  });
}

export const reason = z
  .object({
    rule: z.string().meta({ description: 'Rule name in kebab-case' }),
    measured: z.string().nullable().meta({ description: 'Measured value with unit' }),
    limit: z.string().nullable().meta({ description: 'Limit with unit' }),
    remedy: z.string().meta({ description: 'What to do about it' }),
    node: z.string().optional().meta({ description: 'The node it speaks of' }),
  })
  .meta({ id: 'Reason', description: 'Why something is refused' });

/** Guards and preview, the same on every mutation that changes who serves what. */
export const guardInput = {
  expected_primary: nodeId.optional().meta({ description: 'Refuse with 412 unless this node is the primary' }),
  expected_epoch: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .meta({ description: 'Refuse with 412 unless the group is at this epoch' }),
  dry_run: z.boolean().optional().meta({ description: 'Answer the plan (state planned) and change nothing' }),
  plan_hash: z
    .string()
    .max(128)
    .optional()
    .meta({ description: 'Hash of the plan that was shown; 412 with the new plan when it no longer matches' }),
  reason: z.string().max(500).optional().meta({ description: 'Why; kept in the operation and in the audit log' }),
  confirm: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Name of the node or group that is hit, where the cluster wants keys to confirm force' }),
} as const;

export const done = z
  .object({ success: z.boolean(), message: z.string().meta({ description: 'One sentence: what happened' }) })
  .meta({ id: 'Done', description: 'A change that took effect at once' });
