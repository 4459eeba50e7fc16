/** Audit entries on the wire. */
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
