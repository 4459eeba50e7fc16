/** Replication over time on the wire: what is now, and what was in a window of the samples that every node keeps for an hour. */
import { z } from 'zod';
import { bytes, isoTime, milliseconds, nodeId, unixSeconds } from '../shared/primitives';
import { commitMode, problem } from '../shared/wire-topology';
import { replicaState } from './wire';

export const windowMinutes = z
  .int()
  .min(1)
  .max(60)
  .default(15)
  .meta({ description: 'How far back the window goes; nodes keep an hour' });

const windowed = z
  .object({
    avg: z.number().meta({ description: 'Mean of the samples' }),
    p95: z.number().meta({ description: '95 of 100 samples are not above it' }),
    max: z.number().meta({ description: 'Largest sample' }),
  })
  .meta({ id: 'WindowedValue', description: 'A value over a window of samples' })
  .nullable();

const samples = {
  samples: z.int().meta({ description: 'Samples of the window, one every few seconds' }),
  window_from: isoTime.nullable().meta({ description: 'The oldest sample; null: there is none', scalar: 'DateTime' }),
  window_to: isoTime.nullable().meta({ description: 'The newest sample; null: there is none', scalar: 'DateTime' }),
};

const standby = {
  group: z.string(),
  node_id: nodeId.meta({ description: 'The standby' }),
  primary_node: z.string().nullable(),
  state: replicaState,
};

const lag = {
  lag_ms: milliseconds.nullable().meta({ description: 'Behind its primary now; null: not known' }),
  lag_bytes: bytes.nullable().meta({
    description: 'From what the primary has written to what is replayed here, now; null: not known',
    scalar: 'BigInt',
  }),
  replay_lag_ms: windowed.meta({ description: 'Age of what was replayed last while behind; null: no sample knows it' }),
  replay_backlog_bytes: windowed.meta({ description: 'Received and not yet replayed; null: no sample knows it' }),
};

const throughput = {
  sent_bytes_per_second: z.number().nullable().meta({
    description:
      'WAL that the primary sends it a second, over the last second or two; null: no stream, or not known yet',
  }),
  received_bytes_per_second: windowed.meta({
    description:
      'Bytes a second that came from its primary: WAL, and the base backup while it is cloned; null: no sample',
  }),
};

export const lagMetrics = z
  .object({ ...standby, ...lag, ...samples })
  .meta({ id: 'ReplicationLagMetrics', description: 'Lag of one standby, now and over a window' });

export const throughputMetrics = z
  .object({ ...standby, ...throughput, ...samples })
  .meta({ id: 'ReplicationThroughput', description: 'WAL to one standby, now and over a window' });

const standbyMetrics = z
  .object({ ...standby, ...lag, ...throughput, ...samples })
  .meta({ id: 'StandbyMetrics', description: 'Lag and throughput of one standby, now and over a window' });

const groupMetrics = z
  .object({
    group: z.string(),
    primary_node: z.string().nullable(),
    max_lag_ms: milliseconds.nullable().meta({ description: 'Of the slowest standby now; null: none is known' }),
    max_lag_bytes: bytes
      .nullable()
      .meta({ description: 'Of the standby that is furthest behind now; null: none is known', scalar: 'BigInt' }),
    wal_bytes_per_second: z.number().nullable().meta({
      description: 'WAL sent a second to the standby that gets most, now; null: no stream, or not known yet',
    }),
    transactions_per_second: z.number().nullable().meta({ description: 'On the primary now; null: it does not tell' }),
    standbys: z.array(standbyMetrics).meta({ description: 'Standbys that told their samples' }),
  })
  .meta({ id: 'GroupReplicationMetrics', description: 'Replication of one group, now and over a window' });

export const replicationMetrics = z
  .object({
    window_minutes: z.int().meta({ description: 'How far back the window goes' }),
    groups: z.array(groupMetrics),
    missing_nodes: z.array(z.string()).meta({ description: 'Standbys that did not answer: they are in no list' }),
  })
  .meta({ id: 'ReplicationMetrics', description: 'Replication metrics, current and windowed' });

const groupDashboard = z
  .object({
    ...groupMetrics.shape,
    mode: commitMode,
    healthy: z.boolean().meta({ description: 'Writable, not degraded, and every standby streams' }),
    writable: z.boolean(),
    degraded: z.boolean(),
    sentence: z.string(),
    total_standbys: z.int().meta({ description: 'Standbys of the group' }),
    streaming_standbys: z.int().meta({ description: 'Of them, those that stream now' }),
    waiting_commits: z
      .int()
      .nullable()
      .meta({ description: 'Commits that wait for a standby right now; null: the primary does not tell' }),
    archive_mode: z
      .string()
      .nullable()
      .meta({ description: 'archive_mode that the primary runs with; null: not known' }),
    slots_lost: z.int().nullable().meta({ description: 'Slots on the primary whose WAL is gone; null: not known' }),
    slot_retained_bytes: bytes
      .nullable()
      .meta({ description: 'Most WAL that any one slot of the primary keeps; null: not known', scalar: 'BigInt' }),
  })
  .meta({ id: 'ReplicationDashboardGroup', description: 'Everything about the replication of one group' });

export const replicationDashboard = z
  .object({
    healthy: z.boolean().meta({ description: 'Every group is' }),
    window_minutes: z.int().meta({ description: 'How far back the windows go' }),
    groups: z.array(groupDashboard),
    problems: z.array(problem).meta({ description: 'Of these groups and their nodes, now' }),
    missing_nodes: z.array(z.string()).meta({ description: 'Standbys that did not answer: they are in no list' }),
    timestamp: unixSeconds,
  })
  .meta({ id: 'ReplicationDashboard', description: 'What a dashboard of replication shows, in one answer' });

const conflicts = (what: string) => bytes.meta({ description: `Queries cancelled because ${what}`, scalar: 'BigInt' });

export const replicationErrors = z
  .object({
    node_id: z.string(),
    group: z.string(),
    role: z.enum(['primary', 'standby']),
    counted_since: isoTime.nullable().meta({
      description: 'When the counters of conflicts began; null: never reset since the data was made',
      scalar: 'DateTime',
    }),
    cancelled_queries: bytes.nullable().meta({
      description: 'Queries that replay cancelled here since then, in all; null: the node does not tell',
      scalar: 'BigInt',
    }),
    cancelled_per_hour: z.number().nullable().meta({ description: 'The same an hour; null: not known since when' }),
    conflicts: z
      .object({
        tablespace: conflicts('a table space was dropped'),
        lock: conflicts('replay waited for a lock'),
        snapshot: conflicts('rows were removed that they could see'),
        buffer_pin: conflicts('they held a buffer'),
        deadlock: conflicts('replay and they waited for each other'),
        logical_slot: conflicts('a logical slot was invalidated').meta({
          description: 'Uses of logical slots cancelled because their slot was invalidated',
          scalar: 'BigInt',
        }),
      })
      .meta({ id: 'RecoveryConflicts', description: 'What replay cancelled, by cause' })
      .nullable()
      .meta({ description: 'By cause; null: the node does not tell' }),
    slots_lost: z.int().nullable().meta({ description: 'Slots whose WAL is gone, now; null: not known' }),
    archive_failures: bytes.meta({
      description: 'Segments whose archiving failed, each try counted',
      scalar: 'BigInt',
    }),
  })
  .meta({ id: 'ReplicationErrors', description: 'Errors of replication that one server counted' });

export const archiverStatus = z
  .object({
    node_id: z.string(),
    group: z.string(),
    role: z.enum(['primary', 'standby']),
    mode: z.string().meta({ description: 'archive_mode as the running server has it: off, on or always' }),
    target: z
      .enum(['command', 'library'])
      .nullable()
      .meta({ description: 'What segments are handed to; null: nothing archives' }),
    archiving: z
      .boolean()
      .meta({ description: 'Segments of this server are archived: its mode covers its role, and there is a target' }),
    archived_count: bytes.nullable().meta({
      description: 'Segments archived since the statistics began; null: the node does not tell',
      scalar: 'BigInt',
    }),
    last_archived_wal: z.string().nullable(),
    last_archived_at: isoTime.nullable().meta({ description: 'When that was', scalar: 'DateTime' }),
    failed_count: bytes.meta({ description: 'Failures since the statistics began', scalar: 'BigInt' }),
    last_failed_wal: z.string().nullable().meta({ description: 'Segment that failed last; null: none did' }),
    last_failed_at: isoTime.nullable().meta({ description: 'When that was', scalar: 'DateTime' }),
    counted_since: isoTime.nullable().meta({ description: 'When the statistics began', scalar: 'DateTime' }),
    backlog_segments: z
      .int()
      .nullable()
      .meta({ description: 'Finished segments that wait to be archived; null: the node does not tell' }),
  })
  .meta({ id: 'ArchiverStatus', description: 'The WAL archiver of one server, as PostgreSQL tells it' });
