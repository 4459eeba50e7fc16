/** Replication slots on the wire: pg_replication_slots in RustyDB's shape, with whose it is and what a change of primary makes of it. */
import { z } from 'zod';
import { bigCount, bytes, groupName, guardInput, isoTime, lsn, nodeId } from '../shared/primitives';

export const slotType = z
  .enum(['physical', 'logical'])
  .meta({ description: 'physical: all WAL; logical: decoded changes of a database' });

/** Of a slot that exists: whatever PostgreSQL lets a slot be called. */
export const slotNameArgument = z.string().min(1).max(63).meta({ description: 'Name of the slot' });

export const replicationSlot = z
  .object({
    slot_name: z.string().meta({ description: 'Name, unique on its node' }),
    slot_type: slotType,
    plugin: z.string().nullable().meta({ description: 'Output plugin of a logical slot' }),
    database: z.string().nullable().meta({ description: 'Database of a logical slot' }),
    active: z.boolean().meta({ description: 'Somebody reads from it now' }),
    active_pid: z.int().nullable().meta({ description: 'Process that reads from it' }),
    restart_lsn: lsn.nullable().meta({ description: 'Oldest WAL it keeps' }),
    confirmed_flush_lsn: lsn
      .nullable()
      .meta({ description: 'Up to where the consumer of a logical slot has confirmed' }),
    wal_status: z
      .enum(['reserved', 'extended', 'unreserved', 'lost'])
      .nullable()
      .meta({ description: 'reserved, extended (beyond max_wal_size), unreserved (about to be removed), lost' }),
    safe_wal_size: z.int().nullable().meta({
      description: 'Bytes that may still be written before its WAL is in danger; null: no limit, or lost',
      scalar: 'BigInt',
    }),
    retained_bytes: bytes.nullable().meta({ description: 'Bytes of WAL from restart_lsn to now', scalar: 'BigInt' }),
    catalog_xmin: bigCount
      .nullable()
      .meta({ description: 'Oldest transaction whose catalog rows it keeps from vacuum', scalar: 'BigInt' }),
    inactive_since: isoTime.nullable().meta({ description: 'Since when nobody reads from it', scalar: 'DateTime' }),
    invalidation_reason: z.string().nullable().meta({ description: 'Why it is of no use any more; null: it is' }),
    temporary: z.boolean().meta({ description: 'Ends with the session that made it' }),
    failover: z.boolean().meta({ description: 'Standbys keep a copy of it' }),
    synced: z.boolean().meta({ description: "Is such a copy, on a standby; its consumer can't use it there" }),
    two_phase: z.boolean().meta({ description: 'Decodes prepared transactions' }),
    node_id: z.string().meta({ description: 'Node that holds it' }),
    group: z.string(),
    owner: z.enum(['engine', 'user']).meta({ description: 'engine: kept for a member of the group' }),
    copies: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Standbys with a copy that a promotion keeps; null in the stream' }),
    at_switchover: z
      .enum(['kept', 'follows', 'not_ready', 'stays_behind', 'ends'])
      .nullable()
      .meta({ description: 'What a change of primary makes of it; null in the stream' }),
    at_switchover_sentence: z.string().nullable().meta({ description: 'The same, in one sentence' }),
    change: z
      .enum(['created', 'dropped', 'active', 'inactive', 'wal_status'])
      .nullable()
      .meta({ description: 'In the stream: what changed; null elsewhere' }),
  })
  .meta({ id: 'ReplicationSlot', description: 'A replication slot on one node' });

export const createSlotInput = z
  .strictObject({
    slot_name: z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/, 'lower-case letters, digits and underscores, at most 63')
      .meta({ description: 'Name; rustydb_ at the beginning is the engine’s' }),
    slot_type: slotType,
    plugin: z
      .string()
      .min(1)
      .max(63)
      .optional()
      .meta({ description: 'Output plugin of a logical slot, e.g. pgoutput' }),
    database: z.string().min(1).max(63).optional().meta({ description: 'Database of a logical slot; default: app' }),
    temporary: z
      .boolean()
      .optional()
      .meta({ description: 'Refused: a temporary slot belongs to the session that makes it' }),
    failover: z
      .boolean()
      .optional()
      .meta({ description: 'Logical only: standbys keep a copy, so that it survives a change of primary' }),
    two_phase: z
      .boolean()
      .optional()
      .meta({ description: 'Logical only: decode prepared transactions when they are prepared' }),
    group: groupName.optional().meta({ description: 'On the primary of this group; default: the first group' }),
    ...guardInput,
  })
  .meta({ id: 'CreateSlotInput', description: 'A replication slot to create' });

/** Where a name is meant, when several nodes hold a slot so called. */
export const slotPlace = {
  group: groupName.optional().meta({ description: 'Default: any group' }),
  node: nodeId.optional().meta({ description: 'Default: the primary that holds it, else the first node' }),
} as const;
