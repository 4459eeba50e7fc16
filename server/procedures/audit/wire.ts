/** Audit records on the wire. Intent and outcome of a call are joined by the sequence number of the intent. */
import { z } from 'zod';
import { isoTime, jsonObject } from '../shared/primitives';

export const auditRecord = z
  .object({
    sequence: z.int().meta({ description: 'Position in the chain of this console', scalar: 'BigInt' }),
    at: isoTime,
    actor: z.string().meta({ description: 'user:name, api-key:name or anonymous' }),
    role: z.string().nullable(),
    client_address: z.string(),
    surface: z.string(),
    request_id: z.string(),
    procedure: z.string(),
    input: jsonObject.meta({ description: 'What was asked, secrets removed' }),
    outcome: z
      .enum(['succeeded', 'refused', 'failed', 'unknown'])
      .meta({ description: 'unknown: the console ended in between' }),
    code: z.string().nullable().meta({ description: 'Error code' }),
    message: z.string().nullable(),
    operation_id: z.string().nullable(),
    duration_ms: z.number().nullable(),
    hash: z.string().meta({ description: 'Hash of the intent line, chained' }),
  })
  .meta({ id: 'AuditRecord', description: 'One mutation, allowed or refused' });

export const auditVerification = z
  .object({
    ok: z.boolean(),
    lines: z.int().meta({ scalar: 'BigInt' }),
    first_bad_line: z.int().nullable().meta({ scalar: 'BigInt' }),
    message: z.string(),
    head: z.string().nullable().meta({ description: 'Hash of the last line' }),
    writer: z.string().meta({ description: 'This log, as the control store names it' }),
    anchored_lines: z
      .int()
      .nullable()
      .meta({ description: 'So many lines the control store vouches for; null: none yet', scalar: 'BigInt' }),
    anchored_at: isoTime.nullable().meta({ description: 'When it was last told the head' }),
    other_writers: z
      .array(
        z
          .object({
            writer: z.string().meta({ description: 'Its log' }),
            anchored_lines: z.int().meta({ description: 'Lines it had', scalar: 'BigInt' }),
            anchored_at: isoTime.meta({ description: 'When it last told its head' }),
          })
          .meta({ id: 'AuditWriter', description: 'The log of another console' }),
      )
      .meta({ description: 'Other consoles of this cluster; their logs are verified there' }),
  })
  .meta({ id: 'AuditVerification', description: 'Whether the chain is unbroken' });
