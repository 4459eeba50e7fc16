/** How states and verdicts of distributed transactions look and read: one look for each, also where nothing is known. Pure. */
import type { ClusterTransaction, XaBranch, XaTransaction } from '../../providers/wire';
import { counted } from '../../ui/counted';
import { words } from '../../ui/format';

/** By the looks of components/ui/status.tsx. */
const transactionLooks: Readonly<Record<XaTransaction['state'], string>> = {
  active: 'running',
  idle: 'pending',
  rollback_only: 'warning',
  preparing: 'running',
  prepared: 'warning',
  deciding: 'running',
  committing: 'running',
  rolling_back: 'running',
  committed: 'succeeded',
  rolled_back: 'cancelled',
  heuristic: 'critical',
};

const branchLooks: Readonly<Record<XaBranch['state'], string>> = {
  active: 'running',
  idle: 'pending',
  prepared: 'warning',
  committed: 'succeeded',
  rolled_back: 'cancelled',
  read_only: 'succeeded',
  unknown: 'disconnected',
};

const verdictLooks: Readonly<Record<ClusterTransaction['verdict'], string>> = {
  commit: 'succeeded',
  abort: 'cancelled',
  undecided: 'running',
  foreign: 'info',
  unknown: 'critical',
};

type Look = { readonly value: string; readonly label: string };

export const lookOfTransaction = (state: XaTransaction['state']): Look => ({
  value: transactionLooks[state],
  label: state === 'rollback_only' ? 'can only be rolled back' : words(state),
});

export const lookOfBranch = (state: XaBranch['state']): Look => ({
  value: branchLooks[state],
  label: state === 'read_only' ? 'changed nothing' : words(state),
});

export const lookOfVerdict = (verdict: ClusterTransaction['verdict']): Look => ({
  value: verdictLooks[verdict],
  label: verdict,
});

/** What is true now about everything that is prepared. `complete`: nothing is missing from the list. */
export function inDoubtSentence(rows: readonly ClusterTransaction[], complete: boolean): string {
  const silent = complete ? '' : ' Not every server answered.';
  if (rows.length === 0) return `No prepared transaction anywhere.${silent}`;
  const stuck = rows.filter((row) => row.verdict === 'unknown').length;
  const foreign = rows.filter((row) => row.verdict === 'foreign').length;
  const waiting = new Set(rows.flatMap((row) => row.waiting_pids.map((pid) => `${row.node} ${pid}`))).size;
  const parts = [
    stuck > 0 ? `${stuck} without a decision that anybody can tell` : null,
    foreign > 0 ? `${foreign} of others` : null,
    waiting > 0 ? `${counted(waiting, 'session waits', 'sessions wait')} for their locks` : null,
  ].filter((part) => part !== null);
  const count = counted(rows.length, 'prepared transaction', 'prepared transactions');
  return `${count}${parts.length === 0 ? ', each with a verdict' : `: ${parts.join(', ')}`}.${silent}`;
}

/** Null: it can be ended by hand; else why it can't. */
export function handReason({ verdict }: ClusterTransaction): string | null {
  return verdict === 'foreign' ? 'It is not ours: whoever prepared it ends it.' : null;
}

/** Identity of a row: the same identifier may be prepared on several servers. */
export function rowIdOf({ node, resource_manager, database, identifier }: ClusterTransaction): string {
  return `${node ?? resource_manager}/${database ?? ''}/${identifier}`;
}
