/** Lockouts on the wire: one that has ended is told as no lock. */
import type { LockoutRecord } from '@/server/auth/api';

export function presentLockout(record: LockoutRecord, now = Date.now()) {
  const remainingMs = record.lockedUntil === null ? 0 : Date.parse(record.lockedUntil) - now;
  const locked = remainingMs > 0;
  return {
    id: `${record.kind}:${record.subject}`,
    kind: record.kind,
    subject: record.subject,
    failures: record.failures,
    first_failure_at: record.firstFailureAt,
    last_failure_at: record.lastFailureAt,
    locked,
    locked_until: locked ? record.lockedUntil : null,
    unlocks_in_seconds: locked ? Math.ceil(remainingMs / 1000) : null,
  };
}
