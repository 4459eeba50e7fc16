/** What nobody asks PostgreSQL in a simulated group. */
import { ClusterError } from '../../kernel/errors';

function unused(): Promise<never> {
  return Promise.reject(new ClusterError('UNAVAILABLE', 'not simulated'));
}

export class NotSimulated {
  checkSettings = unused;
  createSlot = unused;
  dropSlot = unused;
  waitForSlotCopy = unused;
  waitForNoSlotCopy = unused;
  sessions = unused;
  endSession = unused;
  settings = unused;
  wal = unused;
  switchWal = unused;
  setReplayPaused = unused;
}
