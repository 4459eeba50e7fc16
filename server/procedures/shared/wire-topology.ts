/** The cluster as a whole: groups, links, problems, quorum. */
import { z } from 'zod';
import { bytes, isoTime, lsn, milliseconds, unixSeconds } from './primitives';
import { clusterNode } from './wire-node';

export const commitMode = z
  .enum(['synchronous', 'semi_synchronous', 'asynchronous'])
  .meta({ description: 'Commit mode of a group' });

export const timelineEntry = z
  .object({ epoch: z.int(), timeline: z.int(), start_lsn: lsn, primary: z.string(), at: isoTime })
  .meta({ id: 'TimelineEntry', description: 'Who was primary from where on' });

export const group = z
  .object({
    name: z.string(),
    primary: z.string().nullable(),
    epoch: z.int(),
    mode: commitMode,
    degraded: z.boolean(),
    timeline: z.int(),
    lease_holder: z.string().nullable(),
    lease_expires_in_ms: milliseconds.nullable(),
    readable: z.boolean(),
    writable: z.boolean(),
    automatic_failover: z.boolean(),
    automatic_failover_paused_by: z.string().nullable(),
    sentence: z.string().meta({ description: 'What is true of this group now' }),
    members: z.array(z.string()),
    voters: z.array(z.string()).meta({ description: 'Standbys whose acknowledgement counts' }),
    required_acknowledgements: z.int().meta({ description: 'How many of the voters must answer' }),
    promotable: z.enum(['voters', 'none']),
    on_no_standby: z.enum(['degrade', 'wait']).meta({ description: 'What commits do when no standby is left' }),
    failover_wait: z.enum(['promise', 'lease']),
    data_at_risk_bytes: bytes.nullable().meta({ description: 'WAL that exists only on the primary' }),
    waiting_commits: z.int(),
    write_rate: z.number().meta({ description: 'Transactions per second on the primary' }),
    operation: z.string().nullable().meta({ description: 'The availability operation that owns the group' }),
    settings: z.record(z.string(), z.string()),
    timeline_history: z.array(timelineEntry),
  })
  .meta({ id: 'ClusterGroup', description: 'A replica set: one primary and its standbys' });

export const link = z
  .object({
    from: z.string(),
    to: z.string(),
    kind: z.enum(['replication', 'interconnect']),
    state: z.string(),
    mode: z.enum(['sync', 'async', 'quorum', 'potential']).nullable(),
    lag_bytes: bytes.nullable(),
    lag_ms: milliseconds.nullable(),
    bytes_per_second: z.number().nullable(),
    rtt_us: z.number().nullable(),
  })
  .meta({ id: 'ClusterLink', description: 'A link between two nodes' });

export const problem = z
  .object({
    rule: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    node: z.string().nullable(),
    group: z.string().nullable(),
    sentence: z.string(),
    since: isoTime,
    remedy: z.string(),
  })
  .meta({ id: 'Problem', description: 'One problem, with what to do about it' });

export const counts = {
  leader_node: z.string().nullable().meta({ description: "The control store's leader" }),
  quorum_size: z.int(),
  total_nodes: z.int(),
  healthy_nodes: z.int(),
  degraded_nodes: z.int().meta({ description: 'Degraded, initializing and maintenance' }),
  failed_nodes: z.int().meta({ description: 'Unhealthy and stopped' }),
  has_quorum: z.boolean(),
} as const;

export const clusterTopology = z
  .object({
    cluster_id: z.string(),
    cluster_name: z.string(),
    nodes: z.array(clusterNode),
    groups: z.array(group),
    links: z.array(link),
    ...counts,
    sentence: z.string().meta({ description: 'The verdict' }),
    problems: z.array(problem),
    revision: z.int().meta({ description: 'Counts up with every change', scalar: 'BigInt' }),
    age_ms: milliseconds.meta({ description: 'Age of this view at the console' }),
    live: z.boolean().meta({ description: 'False: no control majority, a node answers from its replica' }),
    timestamp: unixSeconds,
  })
  .meta({ id: 'ClusterTopology', description: 'Groups, nodes, links and quorum' });
