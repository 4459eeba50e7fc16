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
