/** The procedures of `geo`: regions. */
import { getStatus } from './get-status';
import { listRegions } from './list-regions';

export const geo = {
  getStatus,
  listRegions,
} as const;
