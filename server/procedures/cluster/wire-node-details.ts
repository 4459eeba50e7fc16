/** What one node answers about itself: sessions, log, settings, WAL, resources, faults. */
import { z } from 'zod';
import { bytes, lsn, milliseconds, percent } from '../shared/primitives';

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
