import { describe, expect, it } from 'vitest';
import type { Config } from '../../providers/wire';
import { changedValues, configGroups, contradictions, fieldError } from './config-fields';

const config: Config = {
  cluster_name: 'orders',
  replication_factor: 3,
  min_quorum_size: 3,
  heartbeat_interval_ms: 100,
  election_timeout_ms: 500,
  lease_ms: 2000,
  auto_failover: true,
  geo_replication: false,
  sync_replication: true,
  drain_ms: 2000,
  restart_budget_ms: 1000,
  router_hold_ms: 30_000,
  read_max_lag_ms: 10_000,
  health: { check_interval_ms: 1000, lag_warning_bytes: 1, lag_critical_bytes: 2, disk_warning_percent: 85 },
  adjusted: [],
};

const field = (key: string) => configGroups.flatMap((group) => group.fields).find((one) => one.key === key)!;

it('every configurable value is on the form', () => {
  const shown = configGroups.flatMap((group) => group.fields.map((one) => one.key)).sort();
  const wanted = Object.keys(config)
    .filter((key) => key !== 'health' && key !== 'adjusted')
    .sort();
  expect(shown).toEqual(wanted);
});

it('sends only what changed, with its type', () => {
  expect(
    changedValues(config, {
      lease_ms: '3000',
      heartbeat_interval_ms: '100',
      auto_failover: false,
      cluster_name: 'orders',
    }),
  ).toEqual({
    lease_ms: 3000,
    auto_failover: false,
  });
});

describe('errors', () => {
  it.each([
    ['heartbeat_interval_ms', '10', 'At least 50'],
    ['heartbeat_interval_ms', '99999', 'At most 10000'],
    ['lease_ms', 'soon', 'A whole number'],
    ['lease_ms', '', 'A whole number'],
    ['cluster_name', '', '1 to 64 characters'],
    ['lease_ms', '3000', null],
  ])('%s = %j', (key, value, error) => expect(fieldError(field(key), { [key]: value })).toBe(error));

  it('explicit contradictions only', () => {
    expect(contradictions(config, { lease_ms: '900' })).toHaveLength(1);
    expect(contradictions(config, { election_timeout_ms: '300' })).toHaveLength(1);
    expect(contradictions(config, { heartbeat_interval_ms: '1000' })).toEqual([]);
    expect(
      contradictions(config, { heartbeat_interval_ms: '200', election_timeout_ms: '800', lease_ms: '1600' }),
    ).toEqual([]);
  });
});
