/** A node as clients see it. RustyDB's fields first, ours after; `agent_pid`, `postmaster_pid`, `data_directory` only for admins. */
import { z } from 'zod';
import { bigCount, bytes, lsn, milliseconds, percent, unixSeconds } from './primitives';

export const nodeStatus = z
  .enum(['healthy', 'degraded', 'unhealthy', 'initializing', 'stopped', 'maintenance'])
  .meta({ description: 'Status of a node' });
export const nodeRole = z.enum(['primary', 'standby']).meta({ description: 'Role of a node in its group' });

export const clusterNode = z
  .object({
    id: z.string(),
    node_id: z.string(),
    name: z.string(),
    address: z.string().meta({ description: 'Host of the PostgreSQL server' }),
    port: z.int().meta({ description: 'Port of the PostgreSQL server' }),
    role: nodeRole,
    cluster_role: z.enum(['leader', 'follower']).meta({ description: 'The role by its RustyDB synonym' }),
    status: nodeStatus,
    status_reason: z.string().meta({ description: 'Why the status is what it is, one sentence' }),
    version: z.string().meta({ description: 'PostgreSQL version; empty while unknown' }),
    uptime_seconds: bigCount.meta({ description: 'Seconds since PostgreSQL started', scalar: 'BigInt' }),
    last_heartbeat: unixSeconds,
    cpu_usage: percent,
    memory_usage: percent,
    group: z.string(),
    region: z.string(),
    lsn: lsn.nullable().meta({ description: 'Primary: written; standby: received or replayed' }),
    replay_lsn: lsn.nullable(),
    timeline: z.int().nullable(),
    lag_bytes: bytes.nullable().meta({ description: 'Behind its primary; 0 on a primary, null when unknown' }),
    lag_ms: milliseconds.nullable(),
    replay_paused: z.boolean(),
    postgres_state: z.enum([
      'absent',
      'stopped',
      'starting',
      'recovering',
      'primary',
      'standby',
      'stopping',
      'crashed',
      'unknown',
    ]),
    wanted: z.enum(['running', 'stopped']).meta({ description: 'What the operator wants' }),
    maintenance: z.boolean(),
    priority: z.int().meta({ description: 'Higher is preferred; 0 is never promoted automatically' }),
    raft_role: z.enum(['leader', 'voter', 'learner', 'none']).meta({ description: 'Part in the control store' }),
    promised_epoch: z.int().nullable(),
    lease_remaining_ms: milliseconds.nullable().meta({ description: 'Holder only' }),
    connections: z.int(),
    max_connections: z.int(),
    waiting_commits: z.int().meta({ description: 'Commits that wait for a standby right now' }),
    transactions_per_second: z.number(),
    database_bytes: bytes.nullable(),
    disk_used_bytes: bytes,
    disk_total_bytes: bytes,
    disk_full_in_ms: milliseconds
      .nullable()
      .meta({ description: 'If the disk fills as in the last hour; null: not known, or not within a year' }),
    slot_retained_bytes: bytes.nullable().meta({ description: 'Most WAL that any one replication slot keeps' }),
    memory_bytes: bytes,
    loop_block_ms: milliseconds.meta({ description: 'Longest recent stall of the agent' }),
    activity: z.string().nullable().meta({ description: 'What the agent is doing; null when settled' }),
    troubles: z.array(z.string()).meta({ description: 'Why the node cannot serve or follow, with remedy' }),
    agent_port: z.int().meta({ description: 'Interconnect port' }),
    probe_port: z.int().nullable().meta({
      description:
        'Health probes for load balancers, with the paths and answers of Patroni; null: the agent is of a release without them',
    }),
    release: z
      .string()
      .nullable()
      .meta({ description: 'Of the agent; null: not known, or a release before they were told' }),
    report_age_ms: milliseconds.nullable().meta({ description: 'Age of the last report; null: never heard' }),
    agent_pid: z.int().nullable().optional().meta({ description: 'Admins only' }),
    postmaster_pid: z.int().nullable().optional().meta({ description: 'Admins only' }),
    data_directory: z.string().nullable().optional().meta({ description: 'Admins only' }),
  })
  .meta({ id: 'ClusterNode', description: 'A node: an agent and its PostgreSQL server' });

export type WireNode = z.infer<typeof clusterNode>;

export const resourceSample = z
  .object({
    at: z.string().meta({ description: 'ISO 8601', scalar: 'DateTime' }),
    cpu_percent: percent,
    memory_percent: percent,
    disk_used_bytes: bytes,
    disk_total_bytes: bytes,
    transactions_per_second: z.number(),
    connections: z.int(),
    wal_bytes_per_second: z.number(),
    replay_lag_ms: milliseconds.nullable(),
    lag_bytes: bytes.nullable(),
  })
  .meta({ id: 'ResourceSample', description: 'Resources of a node at one moment' });

export const linkStatus = z
  .object({
    peer: z.string(),
    connected: z.boolean(),
    rtt_us: z
      .object({ last: z.number(), p50: z.number(), p99: z.number() })
      .meta({ id: 'RoundTrip', description: 'Round trip in microseconds' })
      .nullable(),
    last_heard_ms: milliseconds.nullable(),
    phi: z.number().nullable().meta({ description: 'Suspicion; for display only' }),
    sent_messages: bigCount,
    received_messages: bigCount,
    sent_bytes: bytes,
    received_bytes: bytes,
    queued_bytes: bytes,
    dropped_messages: bigCount,
    reconnects: bigCount,
  })
  .meta({ id: 'LinkStatus', description: 'One interconnect link as the node sees it' });

const preparedBlocker = z
  .object({
    gid: z.string().meta({ description: 'Its global identifier: COMMIT PREPARED or ROLLBACK PREPARED takes it' }),
    owner: z.string().meta({ description: 'Role that prepared it' }),
    database: z.string().meta({ description: 'Database in which it must be ended' }),
    prepared_at: z.string().meta({ description: 'When it was prepared', scalar: 'DateTime' }),
  })
  .meta({ id: 'PreparedBlocker', description: 'A prepared transaction whose locks a session waits for' });

export const databaseSession = z
  .object({
    pid: z.int(),
    user: z.string().nullable(),
    database: z.string().nullable(),
    application_name: z.string().nullable(),
    client_address: z.string().nullable(),
    state: z.string().nullable(),
    wait_event_type: z.string().nullable(),
    wait_event: z.string().nullable(),
    query: z
      .string()
      .nullable()
      .meta({ description: 'Text of the statement, cut; a viewer is told its first word only' }),
    started_at: z.string().nullable().meta({ scalar: 'DateTime' }),
    transaction_started_at: z.string().nullable().meta({ scalar: 'DateTime' }),
    query_started_at: z.string().nullable().meta({ scalar: 'DateTime' }),
    blocked_by: z.array(z.int()).meta({
      description: 'Process ids that block this session; 0: a prepared transaction, which has no process',
    }),
    blocked_by_prepared: z
      .array(preparedBlocker)
      .max(1000)
      .meta({ description: 'Prepared transactions that block this session, oldest first' }),
    backend_type: z.string(),
  })
  .meta({ id: 'DatabaseSession', description: 'A PostgreSQL session' });

export const logLine = z
  .object({
    at: z.string().meta({ description: 'ISO 8601', scalar: 'DateTime' }),
    level: z.string(),
    pid: z.int().nullable(),
    message: z.string(),
    sql_state: z.string().nullable(),
    user: z.string().nullable(),
    database: z.string().nullable(),
  })
  .meta({ id: 'LogLine', description: 'A line of the PostgreSQL log' });

export const databaseSetting = z
  .object({
    name: z.string(),
    value: z.string(),
    unit: z.string().nullable(),
    category: z.string(),
    description: z.string(),
    context: z.string(),
    type: z.string(),
    source: z.string(),
    boot_value: z.string().nullable(),
    pending_restart: z.boolean(),
    managed: z.boolean().meta({ description: 'Set for the group through us' }),
  })
  .meta({ id: 'DatabaseSetting', description: 'A PostgreSQL setting' });

export const nodeWal = z
  .object({
    current_lsn: lsn.nullable(),
    timeline: z.int().nullable(),
    segments_bytes: bytes.meta({ description: 'Bytes in pg_wal', scalar: 'BigInt' }),
    slots: z.array(
      z
        .object({
          name: z.string(),
          active: z.boolean(),
          restart_lsn: lsn.nullable(),
          retained_bytes: bytes.nullable(),
          wal_status: z.string().nullable(),
        })
        .meta({ id: 'WalSlot', description: 'What a slot retains' }),
    ),
    archiver: z
      .object({ mode: z.string(), last_archived_wal: z.string().nullable(), failed_count: z.int() })
      .meta({ id: 'WalArchiver', description: 'State of the archiver' }),
  })
  .meta({ id: 'NodeWal', description: 'WAL of a node' });

export const fault = z
  .object({
    node: z.string().meta({ description: 'The node whose traffic is disturbed' }),
    peer: z.string().nullable().meta({ description: 'Towards this node; null: all' }),
    direction: z.enum(['in', 'out', 'both']),
    channel: z.enum(['interconnect', 'wal', 'both']),
    kind: z.enum(['partition', 'drop', 'delay']),
    probability: z.number().nullable(),
    delay_ms: milliseconds.nullable(),
    jitter_ms: milliseconds.nullable(),
    until: z.string().nullable().meta({ description: 'Ends by itself at this time', scalar: 'DateTime' }),
  })
  .meta({ id: 'Fault', description: 'An injected fault (rehearsal)' });
