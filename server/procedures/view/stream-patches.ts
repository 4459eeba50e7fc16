/**
 * The live view as changes: whole at the start, then only the fields that changed. Each subscriber's patches are between what it was sent last and
 * what is true now, so a slow one skips states and misses nothing.
 */
import { z } from 'zod';
import { subscription } from '../definition';
import { isAdmin } from '../shared/identity';
import { viewChanges } from '../shared/view-stream';
import { type LivePatch, type LiveView, patchOf } from './live-patch';
import { presentLive } from './present';
import { livePatch } from './wire';

/** Subscribers that were sent the same state last share the patch to the next. */
const shared = new WeakMap<LiveView, { readonly before: LiveView; readonly patch: LivePatch }>();

function patchBetween(before: LiveView | null, after: LiveView, sequence: number): LivePatch {
  const known = shared.get(after);
  if (before !== null && known?.before === before) {
    const { base } = known.patch;
    return { ...known.patch, sequence, base: base === null ? null : sequence - 1 };
  }
  const patch = patchOf(before, after, sequence);
  if (before !== null) shared.set(after, { before, patch });
  return patch;
}

export const streamPatches = subscription({
  name: 'view.patches',
  summary: 'Live topology and operations, as changes',
  description:
    'The first item holds the whole; each further one what changed since the one before (`base` is its `sequence`). After a gap subscribe anew.',
  rest: { method: 'GET', path: '/cluster/topology/patches' },
  graphql: { field: 'clusterLivePatches' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: livePatch,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ context }) {
    let before: LiveView | null = null;
    let sequence = 0;
    for await (const current of viewChanges(context)) {
      const after = presentLive(current, isAdmin(context.identity));
      if (after === before) continue;
      sequence++;
      yield patchBetween(before, after, sequence);
      before = after;
    }
  },
});
