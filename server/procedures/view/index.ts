/** The procedures of `view`: the live view of the console. */
import { streamPatches } from './stream-patches';
import { streamView } from './stream-view';

export const view = {
  patches: streamPatches,
  stream: streamView,
} as const;
