/** Failover requests, previews and history. */
import { z } from 'zod';
import { bytes, groupName, guardInput, isoTime, milliseconds, nodeId } from '../shared/primitives';
import { candidate, check, operation, operationState, phase } from '../shared/wire-operation';

export const failoverInput = z
  .strictObject({
    group: groupName.optional().meta({ description: 'Default: the first group' }),
    target_node: nodeId.optional().meta({ description: 'Default: the best candidate' }),
    mode: z
      .enum(['switchover', 'failover'])
      .optional()
      .meta({ description: 'Default: switchover while the primary lives' }),
    force: z.boolean().optional().meta({ description: 'Admin only' }),
    allow_data_loss: z.boolean().optional().meta({ description: 'Admin only; logged with the bytes' }),
    allow_slot_loss: z.boolean().optional().meta({
      description:
        'Admin only: switch over although the new primary has no ready copy of a failover slot, whose consumer starts over',
    }),
    deadline_ms: z.int().min(100).max(3_600_000).optional().meta({
      description:
        'The point of no return must be reached within this time from the start, or everything is undone and the operation ends with TIMEOUT',
    }),
    drain_ms: z.int().min(0).max(600_000).optional().meta({ description: 'Sessions get this long to end' }),
    scheduled_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'ISO 8601, not past; runs then, planned again' }),
    ...guardInput,
  })
  .meta({ id: 'FailoverInput', description: 'Manual failover or switchover' });

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
