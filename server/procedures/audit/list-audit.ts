/** The audit log of this console, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { readCursor, writeCursor } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentAudit } from './present';
import { auditRecord } from './wire';

const list = 'audit.list';

const filters = {
  actor: z.string().max(200).optional().meta({ description: 'user:name, api-key:name or anonymous' }),
  procedure: z.string().max(100).optional().meta({ description: 'e.g. cluster.failover' }),
  outcome: z.enum(['succeeded', 'refused', 'failed', 'unknown']).optional(),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'Not before this time' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Before this time' }),
};

export const listAudit = query({
  name: list,
  summary: 'Audit log: filter, export',
  description:
    'Every mutation, allowed or refused. To keep all of it, ask for a file: `format=ndjson` or `format=csv`.',
  rest: { method: 'GET', path: '/audit' },
  graphql: { field: 'auditLog' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput, ...filters }),
  output: pageOf(auditRecord),
  errors: ['INVALID_INPUT', 'FORBIDDEN'],
  example: { limit: 10 },
  async handler({ input, context }) {
    const before = input.cursor === undefined ? null : Number(readCursor(list, input.cursor, ['number'])[0]);
    const { entries, next } = await context.audit.list({ ...filterOf(input), before, limit: input.limit });
    return {
      items: entries.map(presentAudit),
      next_cursor: next === null ? null : writeCursor(list, [next]),
      total_count: null,
    };
  },
  async *whole({ input, context }) {
    for await (const entry of context.audit.entries({ ...filterOf(input), before: null })) yield presentAudit(entry);
  },
});

function filterOf(input: z.output<z.ZodObject<typeof filters>>) {
  return {
    actor: input.actor ?? null,
    procedure: input.procedure ?? null,
    outcome: input.outcome ?? null,
    from: input.from ?? null,
    to: input.to ?? null,
  };
}
