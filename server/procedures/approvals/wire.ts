/** Calls with force that wait for another admin, on the wire. */
import { z } from 'zod';
import { isoTime, jsonObject } from '../shared/primitives';

export const approval = z
  .object({
    id: z.string(),
    procedure: z.string().meta({ description: 'What was asked for' }),
    input: jsonObject.meta({ description: 'With what' }),
    state: z.enum(['pending', 'approved', 'executed', 'rejected', 'expired', 'failed']),
    requested_by: z.string(),
    requested_at: isoTime,
    expires_at: isoTime,
    plan_hash: z.string().nullable().meta({ description: 'Hash of the plan that runs when it is approved' }),
    group: z.string().nullable(),
    steps: z.array(z.string()).meta({ description: 'The plan, step by step' }),
    expected_pause_ms: z
      .number()
      .nullable()
      .meta({ description: 'Expected pause of writes; null where nothing pauses' }),
    bytes_at_risk: z.number().nullable().meta({ description: 'Bytes of WAL that could be lost', scalar: 'BigInt' }),
    decided_by: z.string().nullable().meta({ description: 'Who approved or rejected it' }),
    decided_at: isoTime.nullable(),
    comment: z.string().nullable().meta({ description: 'Why it was decided so' }),
    operation_id: z.string().nullable().meta({ description: 'The operation that it became' }),
    error: z.string().nullable().meta({ description: 'Why it failed' }),
  })
  .meta({ id: 'Approval', description: 'A call with force that waits for another admin, or waited' });
