/** Regions on the wire: what the nodes' records say, and how far each region's copies are. */
import { z } from 'zod';
import { bytes, milliseconds, name, unixSeconds } from '../shared/primitives';

export const region = z
  .object({
    id: name.meta({ description: 'Name of the region' }),
    nodes: z.array(z.string()).meta({ description: 'Nodes in it' }),
    healthy_nodes: z.int().meta({ description: 'Of them, healthy ones' }),
    groups: z.array(z.string()).meta({ description: 'Groups that have a node in it' }),
    primaries: z.array(z.string()).meta({ description: 'Nodes in it that are the primary of their group' }),
  })
  .meta({ id: 'Region', description: 'A region: what nodes were configured to be in' });

const behind = {
  lag_ms: milliseconds.nullable().meta({ description: 'Of the copy that has replayed most; null: not known' }),
  lag_bytes: bytes.nullable().meta({
    description: 'WAL that the copy which has replayed most has not replayed yet; null: not known',
    scalar: 'BigInt',
  }),
  rpo_bytes: bytes.nullable().meta({
    description:
      'WAL that exists nowhere in this region: what losing all other regions now would cost, at the age of the last reports. 0 where the primary is; null: not known',
    scalar: 'BigInt',
  }),
};

export const geoStatus = z
  .object({
    enabled: z.boolean().meta({ description: 'Regions take part in placement (geo_replication of the configuration)' }),
    regions: z
      .array(
        z
          .object({
            id: name.meta({ description: 'Name of the region' }),
            role: z
              .enum(['primary', 'standby', 'mixed'])
              .meta({ description: 'primary: of all groups that are in it; standby: of none; mixed: of some' }),
            total_nodes: z.int().meta({ description: 'Nodes in it' }),
            healthy_nodes: z.int().meta({ description: 'Of them, healthy ones' }),
            ...behind,
            groups: z
              .array(
                z
                  .object({
                    group: z.string(),
                    role: z.enum(['primary', 'standby']).meta({ description: 'Whether its primary is in the region' }),
                    nodes: z.array(z.string()).meta({ description: 'Its nodes in the region' }),
                    ...behind,
                  })
                  .meta({ id: 'RegionGroupStatus', description: 'The copies of one group in one region' }),
              )
              .meta({ description: 'One entry per group that has a node in it' }),
          })
          .meta({ id: 'RegionStatus', description: 'One region: the worst of its groups, and each of them' }),
      )
      .meta({ description: 'One entry per region that a node is in' }),
    timestamp: unixSeconds,
  })
  .meta({ id: 'GeoReplicationStatus', description: 'How far each region is' });
