/** The configuration as a form: groups, labels, units and the dependants that must hold between values. Pure. */
import type { Config } from '../../providers/wire';

export type ConfigKey = Exclude<keyof Config, 'health' | 'adjusted'>;
type NumberKey = { [K in ConfigKey]: Config[K] extends number ? K : never }[ConfigKey];

export type ConfigField = {
  readonly key: ConfigKey;
  readonly label: string;
  readonly hint: string;
  readonly kind: 'text' | 'number' | 'boolean';
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
};

export const configGroups: readonly { readonly title: string; readonly fields: readonly ConfigField[] }[] = [
  {
    title: 'Cluster',
    fields: [
      { key: 'cluster_name', label: 'Name', hint: '1 to 64 characters', kind: 'text' },
      {
        key: 'replication_factor',
        label: 'Wanted nodes per group',
        hint: '1 to 7; a shortfall is a health reason',
        kind: 'number',
        min: 1,
        max: 7,
      },
      {
        key: 'min_quorum_size',
        label: 'Smallest quorum',
        hint: 'At least a majority of the voters',
        kind: 'number',
        min: 1,
      },
      {
        key: 'geo_replication',
        label: 'Regions take part in placement',
        hint: 'Prefers candidates of the same region',
        kind: 'boolean',
      },
    ],
  },
  {
    title: 'Failure detection',
    fields: [
      {
        key: 'heartbeat_interval_ms',
        label: 'Heartbeat',
        hint: '50 to 10,000',
        kind: 'number',
        min: 50,
        max: 10_000,
        unit: 'ms',
      },
      {
        key: 'election_timeout_ms',
        label: 'Election time-out',
        hint: 'At least 4 heartbeats',
        kind: 'number',
        min: 200,
        unit: 'ms',
      },
      {
        key: 'lease_ms',
        label: 'Lease',
        hint: 'At least 2 election time-outs; the upper bound of an unplanned outage',
        kind: 'number',
        min: 400,
        unit: 'ms',
      },
      {
        key: 'auto_failover',
        label: 'Fail over automatically',
        hint: 'Off: an operator decides, for every group',
        kind: 'boolean',
      },
    ],
  },
  {
    title: 'Commit and recovery',
    fields: [
      {
        key: 'sync_replication',
        label: 'Commits wait for a standby',
        hint: 'Off (an admin decides): asynchronous for all groups; a failover may lose writes',
        kind: 'boolean',
      },
      {
        key: 'drain_ms',
        label: 'Drain at a switchover',
        hint: 'Open sessions get this long to end',
        kind: 'number',
        min: 0,
        max: 600_000,
        unit: 'ms',
      },
      {
        key: 'restart_budget_ms',
        label: 'Restart in place up to',
        hint: 'Longer estimated redo: fail over instead',
        kind: 'number',
        min: 0,
        max: 600_000,
        unit: 'ms',
      },
      {
        key: 'router_hold_ms',
        label: 'Router holds connections',
        hint: 'While a group has no primary',
        kind: 'number',
        min: 0,
        max: 600_000,
        unit: 'ms',
      },
      {
        key: 'read_max_lag_ms',
        label: 'Reads tolerate a lag of',
        hint: 'Standbys further behind get none',
        kind: 'number',
        min: 0,
        max: 3_600_000,
        unit: 'ms',
      },
    ],
  },
];

export type Draft = Readonly<Partial<Record<ConfigKey, string | boolean>>>;

/** Only what differs from the present configuration. */
export function changedValues(config: Config, draft: Draft): Partial<Record<ConfigKey, string | number | boolean>> {
  const changes: Partial<Record<ConfigKey, string | number | boolean>> = {};
  for (const field of configGroups.flatMap((group) => group.fields)) {
    const value = draft[field.key];
    if (value === undefined) continue;
    const typed = field.kind === 'number' ? Number(value) : value;
    if (typed !== config[field.key]) changes[field.key] = typed;
  }
  return changes;
}

/** Why a value of the draft is refused here already; the server has the last word. */
export function fieldError(field: ConfigField, draft: Draft): string | null {
  const value = draft[field.key];
  if (value === undefined || typeof value === 'boolean') return null;
  if (field.kind === 'text') return value.length < 1 || value.length > 64 ? '1 to 64 characters' : null;
  const number = Number(value);
  if (value.trim() === '' || !Number.isInteger(number)) return 'A whole number';
  if (field.min !== undefined && number < field.min) return `At least ${field.min}`;
  if (field.max !== undefined && number > field.max) return `At most ${field.max}`;
  return null;
}

/** Contradictions between values that were both set; a value that was not set is raised by the server. */
export function contradictions(config: Config, draft: Draft): readonly string[] {
  const set = (key: NumberKey) => (draft[key] === undefined ? null : Number(draft[key]));
  const heartbeat = set('heartbeat_interval_ms');
  const election = set('election_timeout_ms');
  const lease = set('lease_ms');
  const problems: string[] = [];
  if (election !== null && election < 4 * (heartbeat ?? config.heartbeat_interval_ms)) {
    problems.push('The election time-out must be at least 4 heartbeats.');
  }
  if (lease !== null && lease < 2 * (election ?? config.election_timeout_ms)) {
    problems.push('The lease must be at least 2 election time-outs.');
  }
  return problems;
}
