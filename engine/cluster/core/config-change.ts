/**
 * A change of the cluster's configuration: ranges, dependants that move along, contradictions. Pure.
 * Invariants of every stored configuration: 4 × heartbeat ≤ election, 2 × election ≤ lease, lease ≥ stop time + drift + 500 ms, and the wanted quorum is a majority.
 */
import type { Reason } from '../../kernel/errors';
import type { ClusterConfig } from '../model';

export type ConfigChange =
  | { readonly ok: true; readonly config: ClusterConfig; readonly adjusted: readonly string[] }
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** Stop time of PostgreSQL plus clock drift plus half a second: below it the old primary could not be gone in time. */
const minimumLeaseMs = 1_000;
/** What whoever does not know the length of a lease has to wait. */
export const maximumLeaseMs = 300_000;

type Range = { readonly low: number; readonly high: number };

const ranges: Readonly<Partial<Record<keyof ClusterConfig, Range>>> = {
  replicationFactor: { low: 1, high: 7 },
  minQuorumSize: { low: 1, high: 5 },
  heartbeatIntervalMs: { low: 50, high: 10_000 },
  electionTimeoutMs: { low: 200, high: 60_000 },
  leaseMs: { low: minimumLeaseMs, high: maximumLeaseMs },
  drainMs: { low: 0, high: 600_000 },
  restartBudgetMs: { low: 0, high: 600_000 },
  routerHoldMs: { low: 0, high: 600_000 },
  readMaxLagMs: { low: 0, high: 3_600_000 },
};

/** Wire names, for reasons and `adjusted`. */
function wireName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function changeConfig(current: ClusterConfig, patch: Partial<ClusterConfig>, voters: number): ConfigChange {
  const given = Object.fromEntries(
    Object.entries(patch).filter(([, value]) => value !== undefined),
  ) as Partial<ClusterConfig>;
  const reasons = [...rangeReasons(given), ...otherReasons(given, voters)];
  if (reasons.length > 0) return { ok: false, reasons };
  const merged: Mutable<ClusterConfig> = {
    ...current,
    ...given,
    loadBalancer: { ...current.loadBalancer, ...given.loadBalancer },
    health: { ...current.health, ...given.health },
  };
  const adjusted: string[] = [];
  const dependants = [
    { of: 'heartbeatIntervalMs', factor: 4, on: 'electionTimeoutMs' },
    { of: 'electionTimeoutMs', factor: 2, on: 'leaseMs' },
  ] as const;
  for (const { of, factor, on } of dependants) {
    const floor = merged[of] * factor;
    if (merged[on] >= floor) continue;
    if (given[on] !== undefined) {
      reasons.push(contradiction(on, { measured: merged[on], limit: `≥ ${factor} × ${wireName(of)} (${floor})` }));
      continue;
    }
    merged[on] = floor;
    adjusted.push(wireName(on));
  }
  return reasons.length > 0 ? { ok: false, reasons } : { ok: true, config: merged, adjusted };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function rangeReasons(given: Partial<ClusterConfig>): Reason[] {
  const reasons: Reason[] = [];
  for (const [key, range] of Object.entries(ranges)) {
    const value = given[key as keyof ClusterConfig];
    if (value === undefined) continue;
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= range.low && value <= range.high;
    if (!fits) reasons.push(contradiction(key, { measured: String(value), limit: `${range.low}–${range.high}` }));
  }
  return reasons;
}

function otherReasons(given: Partial<ClusterConfig>, voters: number): Reason[] {
  const reasons: Reason[] = [];
  if (given.clusterName !== undefined && (given.clusterName.length < 1 || given.clusterName.length > 64)) {
    reasons.push(
      contradiction('clusterName', { measured: `${given.clusterName.length} characters`, limit: '1–64 characters' }),
    );
  }
  const majority = Math.floor(voters / 2) + 1;
  if (given.minQuorumSize !== undefined && given.minQuorumSize < majority) {
    reasons.push(
      contradiction('minQuorumSize', {
        measured: given.minQuorumSize,
        limit: `≥ ${majority}, a majority of ${voters} voters`,
      }),
    );
  }
  const { health } = given;
  if (health && health.lagWarningBytes > health.lagCriticalBytes) {
    reasons.push(
      contradiction('lagWarningBytes', {
        measured: health.lagWarningBytes,
        limit: `≤ ${health.lagCriticalBytes} (lag_critical_bytes)`,
      }),
    );
  }
  return reasons;
}

function contradiction(key: string, fact: { measured: string | number; limit: string }): Reason {
  const rule = wireName(key);
  return { rule, measured: String(fact.measured), limit: fact.limit, remedy: `Set ${rule} within ${fact.limit}.` };
}
