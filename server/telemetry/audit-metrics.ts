/** Whether the audit log of this console is unbroken, checked in the background once in a while: a scrape never waits for it. */
import type { AuditTrail } from '@/server/audit/api';
import type { AskedMetric } from './view-metric';

const checkEveryMs = 10 * 60_000;

export function auditMetrics(audit: Pick<AuditTrail, 'verify'>, nowMs: () => number): readonly AskedMetric[] {
  let known: { readonly ok: boolean; readonly lines: number; readonly atMs: number } | null = null;
  let begunAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    if (nowMs() - begunAt < checkEveryMs) return known;
    begunAt = nowMs();
    void audit.verify().then(
      ({ ok, lines }) => {
        known = { ok, lines, atMs: nowMs() };
      },
      // An unreadable file is not a verified one: the last check gets old, and the time of it says so.
      () => undefined,
    );
    return known;
  };
  return [
    {
      name: 'rustydb_audit_chain_intact',
      help: '1: the last check found every line of the audit log as its hash says',
      labels: [],
      type: 'gauge',
      samples: () => [[{}, look()?.ok]],
    },
    {
      name: 'rustydb_audit_chain_lines',
      help: 'Lines that the last check found good',
      labels: [],
      type: 'gauge',
      samples: () => [[{}, look()?.lines]],
    },
    {
      name: 'rustydb_audit_chain_checked_time',
      help: 'When the audit log was last checked, seconds since 1970',
      labels: [],
      type: 'gauge',
      samples: () => {
        const at = look()?.atMs;
        return [[{}, at === undefined ? null : Math.floor(at / 1000)]];
      },
    },
  ];
}
