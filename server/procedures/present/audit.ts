/** Audit entries on the wire. */
import { ClusterError } from '@/engine/kernel/errors';
import type { AuditEntry } from '@/server/audit/api';

export function presentAudit(entry: AuditEntry) {
  return {
    sequence: entry.sequence,
    at: entry.at,
    actor: entry.actor,
    role: entry.role,
    client_address: entry.clientAddress,
    surface: entry.surface,
    request_id: entry.requestId,
    procedure: entry.procedure,
    input: { ...entry.input },
    outcome: entry.outcome,
    code: entry.code,
    message: entry.message,
    operation_id: entry.operationId,
    duration_ms: entry.durationMs,
    hash: entry.hash,
  };
}

export function auditCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (!/^\d{1,15}$/.test(cursor)) {
    throw new ClusterError('INVALID_INPUT', 'cursor: take it from the answer before, unchanged');
  }
  return Number(cursor);
}
