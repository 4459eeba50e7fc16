/**
 * Up to where a primary that was stopped on purpose is known to have shipped its WAL. A server that dies inside its stop (PANIC, out of memory, a signal)
 * leaves a control file that says where its *last checkpoint* was, far below what it acknowledged since. Invariant kept: a position comes out
 * only where PostgreSQL itself wrote that it shut down and that its last record is the checkpoint of that shutdown; whoever has that has everything.
 */
import { formatLsn, type LsnText, parseLsn } from '../../kernel/lsn';

export type StoppedControl = {
  readonly state: string;
  readonly checkpointLsn: LsnText;
  readonly redoLsn: LsnText;
};

/** The first position that only a member with everything has reached; null: the stop was not clean, it proves nothing. */
export function shippedUpTo(control: StoppedControl): LsnText | null {
  if (control.state !== 'shut down') return null;
  // The redo point of an online checkpoint lies before its record; that of a shutdown checkpoint is the record.
  if (parseLsn(control.redoLsn) !== parseLsn(control.checkpointLsn)) return null;
  // The record begins at this position: whoever replayed beyond it has everything.
  return formatLsn(parseLsn(control.checkpointLsn) + 1n);
}
