/** The procedures of `lockouts`: accounts and addresses that failed to sign in too often. */
import { listLockouts } from './list-lockouts';
import { unlock } from './unlock';

export const lockouts = {
  list: listLockouts,
  unlock,
} as const;
