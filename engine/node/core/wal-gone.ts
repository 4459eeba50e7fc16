/**
 * Whether the primary no longer has the WAL that a standby asks for, by the standby's own log. Pure. Invariant: only what its walreceiver said since it
 * last streamed counts; a line of an earlier life would throw away a good copy.
 */
import type { LogLine } from '../../runtime/engine-api';

/** What the log is searched for; the walreceiver says it as FATAL, around the primary's ERROR. */
export const walGoneWords = 'requested WAL segment';

export function walIsGone(lines: readonly Pick<LogLine, 'at' | 'message'>[], notStreamingSinceMs: number): boolean {
  return lines.some((line) => line.message.includes(walGoneWords) && Date.parse(line.at) >= notStreamingSinceMs);
}
