import { describe, expect, it } from 'vitest';
import { changeConfig } from './config-change';
import { defaultConfig } from './default-config';

describe('configuration change', () => {
  it('moves unset dependants along and lists them', () => {
    const change = changeConfig(defaultConfig, { heartbeatIntervalMs: 500 }, 5);
    expect(change).toMatchObject({
      ok: true,
      adjusted: ['election_timeout_ms', 'lease_ms'],
      config: { heartbeatIntervalMs: 500, electionTimeoutMs: 2_000, leaseMs: 4_000 },
    });
  });
  it('keeps what fits', () => {
    expect(changeConfig(defaultConfig, { heartbeatIntervalMs: 120 }, 5)).toMatchObject({
      ok: true,
      adjusted: [],
      config: { leaseMs: 2_000 },
    });
    expect(
      changeConfig(defaultConfig, { health: { ...defaultConfig.health, diskWarningPercent: 70 } }, 5),
    ).toMatchObject({
      ok: true,
      config: { health: { diskWarningPercent: 70 } },
    });
  });
  it.each<[string, Parameters<typeof changeConfig>[1], string]>([
    ['an explicit contradiction', { heartbeatIntervalMs: 500, electionTimeoutMs: 600 }, 'election_timeout_ms'],
    ['a lease below twice the election', { leaseMs: 1_000, electionTimeoutMs: 800 }, 'lease_ms'],
    ['a heartbeat out of range', { heartbeatIntervalMs: 49 }, 'heartbeat_interval_ms'],
    ['no whole number', { heartbeatIntervalMs: 100.5 }, 'heartbeat_interval_ms'],
    ['too many replicas', { replicationFactor: 8 }, 'replication_factor'],
    ['a quorum below the majority', { minQuorumSize: 2 }, 'min_quorum_size'],
    ['an empty name', { clusterName: '' }, 'cluster_name'],
    [
      'crossed lag limits',
      { health: { ...defaultConfig.health, lagWarningBytes: 10, lagCriticalBytes: 5 } },
      'lag_warning_bytes',
    ],
  ])('refuses %s', (_name, patch, rule) => {
    const change = changeConfig(defaultConfig, patch, 5);
    expect(change.ok).toBe(false);
    if (!change.ok) expect(change.reasons.map((reason) => reason.rule)).toContain(rule);
  });
});
