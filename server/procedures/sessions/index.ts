/** The procedures of `sessions`: signed-in sessions of people. */
import { listOwnSessions } from './list-own-sessions';
import { listSessions } from './list-sessions';
import { revokeAllSessions } from './revoke-all-sessions';
import { revokeSession } from './revoke-session';

export const sessions = {
  list: listSessions,
  listOwn: listOwnSessions,
  revoke: revokeSession,
  revokeAll: revokeAllSessions,
} as const;
