/** The live view: sent whole at first, then as what changed. */
import { z } from 'zod';
import { jsonObject } from '../shared/primitives';
import { operation } from '../shared/wire-operation';
import { clusterTopology } from '../shared/wire-topology';

export const clusterLive = z
  .object({
    topology: clusterTopology,
    operations: z.array(operation).meta({ description: 'Running and recent operations' }),
  })
  .meta({ id: 'ClusterLive', description: 'The live view: topology and operations, sent whole at each change' });

const changedRow = jsonObject.meta({
  description: '`at`: index of the row in the list; the other keys: fields that changed',
});

export const livePatch = z
  .object({
    sequence: z.int().meta({ description: 'Counts the items of this subscription from 1' }),
    base: z.int().nullable().meta({ description: 'Sequence that it applies to; null with `whole`' }),
    whole: clusterLive.nullable().meta({ description: 'First item, and when nodes, groups or links came or went' }),
    nodes: z.array(changedRow),
    groups: z.array(changedRow),
    links: z.array(changedRow),
    rest: jsonObject.meta({ description: 'Other fields of the topology that changed' }),
    operations: z.array(operation).nullable().meta({ description: 'Null: as before' }),
  })
  .meta({ id: 'ClusterLivePatch', description: 'What changed in the live view since the item before' });
