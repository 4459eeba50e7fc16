/** Operations on the wire: the journal record in snake_case. Times are ISO 8601 with milliseconds. */
import { z } from 'zod';
import { operationKinds } from '@/engine/operations/core/operation-kinds';
import { bytes, isoTime, jsonObject, milliseconds, reason } from './primitives';

export const operationState = z
  .enum(['planned', 'pending', 'running', 'paused', 'succeeded', 'failed', 'cancelled', 'compensated'])
  .meta({ description: 'State of an operation' });

export const operationKind = z.enum(operationKinds).meta({ description: 'Kind of operation' });

export const operationStep = z
  .object({
    name: z.string().meta({ description: 'Unique in the operation, kebab-case' }),
    title: z.string().meta({ description: 'For people' }),
    state: z.enum(['pending', 'running', 'succeeded', 'failed', 'skipped', 'cancelled', 'compensated']),
    started_at: isoTime.nullable(),
    finished_at: isoTime.nullable(),
    deadline_ms: milliseconds,
    cancellable: z.boolean(),
    point_of_no_return: z.boolean().meta({ description: 'From this step on there is only forward' }),
    compensation: z.string().nullable().meta({ description: 'How it is undone' }),
    detail: z.string().nullable().meta({ description: 'What happened, one sentence' }),
    attempt: z.int().meta({ description: 'How often the step was begun' }),
  })
  .meta({ id: 'OperationStep', description: 'One journalled step' });

export const check = z
  .object({
    rule: z.string(),
    node: z.string().nullable(),
    ok: z.boolean(),
    severity: z.enum(['info', 'warning', 'blocker']),
    measured: z.string().nullable(),
    limit: z.string().nullable(),
    remedy: z.string().nullable(),
  })
  .meta({ id: 'Check', description: 'One rule with measured value, limit and remedy' });

export const candidate = z
  .object({
    node: z.string(),
    eligible: z.boolean(),
    rank: z.int().nullable().meta({ description: '1 would be chosen; null when not eligible' }),
    lag_bytes: bytes.nullable(),
    checks: z.array(check),
  })
  .meta({ id: 'Candidate', description: 'A possible new primary with every reason for and against' });

export const phase = z
  .object({ phase: z.string(), started_at: isoTime, ms: milliseconds })
  .meta({ id: 'Phase', description: 'What an outage was made of' });

export const operation = z
  .object({
    id: z.string(),
    kind: operationKind,
    group: z.string().nullable(),
    state: operationState,
    requested_by: z.string(),
    reason: z.string().nullable(),
    request_id: z.string().nullable(),
    request: jsonObject.meta({ description: 'What was asked for' }),
    created_at: isoTime,
    finished_at: isoTime.nullable(),
    scheduled_at: isoTime.nullable(),
    deadline_at: isoTime.nullable().meta({ description: 'Undone when the point of no return was not reached by then' }),
    plan_hash: z.string().meta({ description: 'Hash of what the plan means, not of its measurements' }),
    steps: z.array(operationStep),
    checks: z.array(check),
    candidates: z.array(candidate),
    expected_pause_ms: milliseconds.nullable().meta({ description: 'Expected write pause' }),
    bytes_at_risk: bytes.nullable().meta({ description: 'WAL that could be lost' }),
    timeline: z.array(phase),
    summary: z.array(z.string()).meta({ description: 'The incident as sentences, once finished' }),
    result: jsonObject.nullable(),
    error: z
      .object({ code: z.string(), message: z.string(), reasons: z.array(reason) })
      .meta({ id: 'OperationError', description: 'Why it failed' })
      .nullable(),
  })
  .meta({ id: 'Operation', description: 'A long-running change, with its plan and its progress' });

export type WireOperation = z.infer<typeof operation>;
