/** Previews, history and events of failovers. */
import { z } from 'zod';
import { bytes, isoTime, milliseconds } from '../shared/primitives';
import { candidate, check, operation, operationState, phase } from '../shared/wire-operation';

export const failoverPreflight = z
  .object({
    group: z.string(),
    mode: z.enum(['switchover', 'failover']),
    feasible: z.boolean().meta({ description: 'No blocker stands' }),
    primary: z.string().nullable(),
    epoch: z.int(),
    target: z.string().nullable().meta({ description: 'Who would be promoted' }),
    candidates: z.array(candidate),
    checks: z.array(check),
    blockers: z.array(check),
    lag_bytes: bytes.nullable(),
    bytes_at_risk: bytes.nullable(),
    expected_pause_ms: milliseconds.nullable(),
    plan_hash: z.string(),
    plan: operation,
  })
  .meta({ id: 'FailoverPreflight', description: 'Checks for a failover: the plan that would run' });

export const failoverRecord = z
  .object({
    id: z.string(),
    group: z.string(),
    mode: z.enum(['switchover', 'failover']),
    automatic: z.boolean(),
    state: operationState,
    from: z.string().nullable(),
    to: z.string().nullable(),
    epoch: z.int().nullable(),
    cause: z.string().nullable(),
    requested_by: z.string(),
    reason: z.string().nullable(),
    created_at: isoTime,
    finished_at: isoTime.nullable(),
    duration_ms: milliseconds.nullable(),
    write_pause_ms: milliseconds.nullable().meta({
      description: 'Measured, from the last sign that the old primary served; null while it runs or when unknown',
    }),
    write_pause_unknown: z
      .string()
      .nullable()
      .meta({ description: 'Why the write pause of a finished change is not known' }),
    bytes_at_risk: bytes.nullable(),
    phases: z.array(phase),
    summary: z.array(z.string()),
    operation,
  })
  .meta({ id: 'FailoverRecord', description: 'A failover with its timeline' });

export const failoverEvent = z
  .object({
    operation_id: z.string(),
    group: z.string(),
    state: operationState,
    mode: z.enum(['switchover', 'failover']),
    automatic: z.boolean(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    step: z.string().nullable().meta({ description: 'The step that runs, or the last that ran' }),
    message: z.string(),
    timestamp: isoTime,
  })
  .meta({ id: 'FailoverEvent', description: 'A step of a failover' });
