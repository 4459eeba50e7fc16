/**
 * Compare-and-swap on the own group's record: read, change, write, and again when somebody else was faster. The change is refused when it no
 * longer speaks of the epoch that the caller acts for, so a deposed node can't write over its successor.
 */
import { type GroupRecord, keys } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import { groupFact, type NodeContext } from './node-context';

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

const releasing = new WeakMap<NodeContext, { readonly epoch: Epoch; readonly done: Promise<void> }>();

/**
 * Gives the lease of `epoch` back; the caller has seen that no process of the server is left. A planned stop and the lease holder both want it at the
 * same moment: they share one write, where the second would meet the first and begin anew.
 */
export function releaseOwnLease(context: NodeContext, epoch: Epoch): Promise<void> {
  const underway = releasing.get(context);
  if (underway?.epoch === epoch) return underway.done;
  const done = writeRelease(context, epoch).finally(() => {
    if (releasing.get(context)?.done === done) releasing.delete(context);
  });
  releasing.set(context, { epoch, done });
  return done;
}

async function writeRelease(context: NodeContext, epoch: Epoch): Promise<void> {
  // The own replica nearly always has the newest record, and a write over an older one is refused: then it is read through the leader.
  const fact = groupFact(context);
  if (fact?.record.epoch === epoch && fact.record.primary === context.config.nodeId && !fact.record.leaseReleased) {
    const key = keys.group(context.config.group);
    const result = await context.store.txn({
      compare: [{ key, modRevision: fact.modRevision }],
      mutations: [{ kind: 'put', key, value: { ...fact.record, leaseReleased: true } as unknown as Json }],
    });
    if (result.succeeded) return;
  }
  await changeOwnGroup(context, epoch, (record) => (record.leaseReleased ? null : { ...record, leaseReleased: true }));
}
