/**
 * Compare-and-swap on the own group's record: read, change, write, and again when somebody else was faster. The change is refused when it no
 * longer speaks of the epoch that the caller acts for, so a deposed node can't write over its successor.
 */
import { type GroupRecord, keys } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import type { NodeContext } from './node-context';

const maximumTries = 8;

/** @throws ClusterError PRECONDITION_FAILED (CLU_STALE_EPOCH) when the record has another epoch or primary than this node's. */
export async function changeOwnGroup(
  context: NodeContext,
  epoch: Epoch,
  change: (record: GroupRecord) => GroupRecord | null,
): Promise<GroupRecord> {
  const key = keys.group(context.config.group);
  for (let attempt = 0; attempt < maximumTries; attempt++) {
    const entry = await context.store.get(key);
    const record = entry?.value as unknown as GroupRecord | undefined;
    if (!entry || !record || record.epoch !== epoch || record.primary !== context.config.nodeId) {
      throw new ClusterError(
        'PRECONDITION_FAILED',
        `This node no longer holds epoch ${epoch} of ${context.config.group}.`,
        {
          clusterCode: 'CLU_STALE_EPOCH',
        },
      );
    }
    const next = change(record);
    if (next === null) return record;
    const result = await context.store.txn({
      compare: [{ key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'put', key, value: next as unknown as Json }],
    });
    if (result.succeeded) return next;
  }
  throw new ClusterError('CONFLICT', `The record of ${context.config.group} changed ${maximumTries} times meanwhile.`, {
    clusterCode: 'CLU_REVISION_CONFLICT',
  });
}
