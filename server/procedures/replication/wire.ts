/** Replication on the wire, in RustyDB's shapes. */
import { z } from 'zod';
import { bytes, groupName, guardInput, lsn, milliseconds, unixSeconds } from '../shared/primitives';
import { commitMode } from '../shared/wire-topology';

const groupConfig = {
  group: z.string(),
  mode: commitMode,
  wanted_mode: commitMode.meta({
    description: 'Was asked for; its rules hold, and `mode` says so, once the primary has brought the group there',
  }),
  standby_nodes: z.array(z.string()).meta({ description: 'Standbys that are to acknowledge, as configured' }),
  voters: z.array(z.string()).meta({ description: 'Standbys whose acknowledgement counts right now' }),
  required_acknowledgements: z.int(),
  replication_timeout_secs: z.int(),
  max_wal_senders: z.int(),
  wal_keep_segments: z.int().meta({ description: 'In segments of 16 MB' }),
  archive_mode: z.boolean().meta({ description: 'The primary runs with archive_mode on or always' }),
  archive_command: z.string().nullable(),
  on_no_standby: z.enum(['degrade', 'wait']).meta({ description: 'What commits do when no standby is left' }),
  pending_restart: z.array(z.string()),
};

export const replicationConfig = z
  .object({
    ...groupConfig,
    groups: z
      .array(
        z
          .object(groupConfig)
          .meta({ id: 'GroupReplicationConfig', description: 'Replication configuration of a group' }),
      )
      .meta({ description: 'Of each group whose primary answers; where a group was asked for, of that one' }),
    missing_groups: z.array(z.string()).meta({
      description:
        'Groups that are not in the list: they have no primary now, it does not answer, or they come after the first 32: ask for them by name',
    }),
  })
  .meta({ id: 'ReplicationConfig', description: 'Replication configuration of a group, and of all' });

export const replicationConfigInput = z
  .strictObject({
    mode: z
      .enum(['synchronous', 'asynchronous', 'semi_synchronous', 'sync', 'async', 'semi-sync'])
      .meta({ description: 'Commit mode; the short names are synonyms' }),
    standby_nodes: z
      .array(z.string().min(1).max(128))
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'Node id, or id:port; needed unless the mode is asynchronous' }),
    replication_timeout_secs: z.int().min(1).max(86_400).optional().meta({ description: 'wal_sender_timeout' }),
    max_wal_senders: z.int().min(1).max(1000).optional(),
    wal_keep_segments: z.int().min(0).max(100_000).optional().meta({ description: 'In segments of 16 MB' }),
    archive_mode: z.boolean().optional().meta({
      description:
        'true is refused: no archive target can be configured, and without one the primary would keep all WAL',
    }),
    archive_command: z.string().max(1000).optional().meta({ description: 'Refused unless built by us; admin only' }),
    group: groupName.optional(),
    allow_data_loss: z.boolean().optional().meta({ description: 'Admin only: needed to make a group asynchronous' }),
    ...guardInput,
  })
  .meta({ id: 'ReplicationConfigInput', description: 'Wanted replication configuration' });

export const configureResult = z
  .object({
    success: z.boolean(),
    message: z.string(),
    config: replicationConfig,
    pending_restart: z.array(z.string()),
  })
  .meta({ id: 'ConfigureReplicationResult', description: 'What was configured' });

export const replicaState = z.enum(['streaming', 'catchup', 'disconnected']);

export const replica = z
  .object({
    replica_id: z.string(),
    node_id: z.string(),
    address: z.string(),
    state: replicaState,
    sync_state: z.string().meta({ description: 'sync, quorum, potential, async' }),
    lag_bytes: bytes,
    lag_ms: milliseconds,
    last_sync: unixSeconds,
    wal_position: lsn.nullable(),
    priority: z.int(),
    group: z.string(),
    replay_paused: z.boolean(),
  })
  .meta({ id: 'Replica', description: 'A standby as replication sees it' });

export const syncState = z.enum(['single_node', 'synchronous', 'asynchronous', 'semi_synchronous']);

export const groupReplication = z
  .object({
    group: z.string(),
    primary_node: z.string().nullable(),
    replication_mode: commitMode,
    sync_state: syncState,
    replicas: z.array(replica),
    replication_lag_ms: milliseconds,
    bytes_behind: bytes,
    current_wal_lsn: lsn.nullable(),
    healthy: z.boolean(),
  })
  .meta({ id: 'GroupReplication', description: 'Replication of one group' });

export const replicationStatus = z
  .object({
    mode: z.enum(['sync', 'async', 'semi-sync']),
    state: z.enum(['streaming', 'catching-up', 'stopped']),
    lag_ms: z.number().meta({ description: 'Worst lag in milliseconds', scalar: 'BigInt' }),
    bytes_behind: bytes.meta({ description: 'Worst lag in bytes', scalar: 'BigInt' }),
    last_sync: unixSeconds,
    healthy: z.boolean(),
    timestamp: unixSeconds,
    enabled: z.boolean(),
    group: z.string(),
    primary_node: z.string().nullable(),
    replicas: z.array(replica),
    replication_mode: commitMode,
    max_replication_lag_ms: milliseconds,
    sync_replicas_count: z.int(),
    async_replicas_count: z.int(),
    all_synced: z.boolean(),
    wal_archiving_enabled: z
      .boolean()
      .meta({ description: 'The primary runs with archive_mode on or always; false also while that is not known' }),
    slots_active: z.int(),
    current_wal_lsn: lsn.nullable(),
    groups: z.array(groupReplication),
  })
  .meta({ id: 'ReplicationStatus', description: 'Replication status: mode, state, lag, bytes behind' });

export const clusterReplication = z
  .object({
    primary_node: z.string().nullable(),
    replicas: z.array(
      z
        .object({
          node_id: z.string(),
          state: replicaState,
          lag_bytes: bytes,
          lag_ms: milliseconds,
          last_sync: unixSeconds,
        })
        .meta({ id: 'ClusterReplica', description: 'A standby in short' }),
    ),
    replication_lag_ms: milliseconds,
    sync_state: syncState,
    group: z.string(),
    groups: z.array(groupReplication),
  })
  .meta({ id: 'ClusterReplication', description: 'Replication of every link in the cluster' });

export const replicaLag = z
  .object({
    replica_id: z.string(),
    node_id: z.string(),
    group: z.string(),
    lag_ms: milliseconds,
    lag_bytes: bytes,
    state: replicaState,
    last_sync: unixSeconds,
  })
  .meta({ id: 'ReplicationLag', description: 'Lag of one replica' });

const lags = {
  replicas: z.array(replicaLag),
  max_lag_ms: milliseconds.meta({ description: 'Of the slowest standby' }),
  avg_lag_ms: milliseconds.meta({ description: 'Mean of the standbys; 0 without any' }),
};

export const replicationLag = z
  .object({
    ...lags,
    groups: z
      .array(z.object({ group: z.string(), ...lags }).meta({ id: 'GroupLag', description: 'Lag within one group' }))
      .meta({ description: 'One entry per group, or the one that was asked for' }),
  })
  .meta({ id: 'ReplicationLagReport', description: 'Lag per replica' });

export const walStream = z
  .object({
    from: z.string(),
    to: z.string(),
    group: z.string(),
    state: z.string(),
    sync_state: z.string(),
    sent_lsn: lsn.nullable(),
    write_lsn: lsn.nullable(),
    flush_lsn: lsn.nullable(),
    replay_lsn: lsn.nullable(),
    lag_bytes: bytes.nullable(),
    lag_ms: milliseconds.nullable(),
    reply_age_ms: milliseconds.nullable(),
    receiver_status: z.string().nullable(),
    replay_paused: z.boolean(),
    bytes_per_second: z.number().nullable(),
  })
  .meta({ id: 'WalStream', description: 'A WAL sender and its receiver' });

export const replayState = z
  .object({ success: z.boolean(), message: z.string(), node_id: z.string(), replay_paused: z.boolean() })
  .meta({ id: 'ReplayState', description: 'Whether a standby replays' });

export const walSwitch = z
  .object({ success: z.boolean(), message: z.string(), group: z.string(), node_id: z.string(), lsn })
  .meta({ id: 'WalSwitch', description: 'A forced segment switch' });

const verdict = {
  healthy: z.boolean(),
  sentence: z.string(),
  links: z.array(
    z
      .object({
        from: z.string().nullable(),
        to: z.string(),
        group: z.string(),
        healthy: z.boolean(),
        state: replicaState,
        lag_bytes: bytes,
        lag_ms: milliseconds,
        reasons: z.array(z.string()),
      })
      .meta({ id: 'ReplicationLinkHealth', description: 'Verdict on one link' }),
  ),
};

export const replicationHealth = z
  .object({
    ...verdict,
    groups: z
      .array(
        z
          .object({ group: z.string(), ...verdict })
          .meta({ id: 'GroupReplicationHealth', description: 'Verdict on the replication of one group' }),
      )
      .meta({ description: 'One entry per group, or the one that was asked for' }),
    timestamp: unixSeconds,
  })
  .meta({ id: 'ReplicationHealth', description: 'Health verdict per link with reasons' });
