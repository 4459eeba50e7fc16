/**
 * No follow without the fork check, whatever this member was before, however it started and whatever its timeline: a diverged member streams for a
 * moment and says that it flushed more than the primary ever wrote, which PostgreSQL takes for an acknowledgement. Invariant: both ends are taken
 * while nothing is received, the primary's last, so a member of the same history is never above it.
 */
import { wasNeverGranted } from '../cluster/core/ranking';
import type { GroupRecord, NodeRecord } from '../cluster/model';
import { compareHistories } from '../postgres/rejoin';
import type { NodeContext } from './node-context';
import { type PrimaryFacts, primaryFactsMethod } from './peer-questions';

const questionTimeoutMs = 1_500;
/** A standby that has much to replay first is asked again. */
const localEndTimeoutMs = 3_000;

export type ForkVerdict =
  | { readonly kind: 'can-follow'; readonly tagged: boolean }
  /** The primary does not serve this epoch (yet). */
  | { readonly kind: 'wait' }
  | { readonly kind: 'diverged'; readonly sentence: string };

export function askPrimary(context: NodeContext, primary: NodeRecord): Promise<PrimaryFacts> {
  const patience = { timeoutMs: questionTimeoutMs };
  return context.interconnect.request<PrimaryFacts>(primary.id, primaryFactsMethod, {}, patience);
}

/** A running standby, which receives nothing any more afterwards. */
export async function checkFork(
  context: NodeContext,
  primary: NodeRecord,
  record: Pick<GroupRecord, 'epoch' | 'timeline' | 'timelineHistory'>,
): Promise<ForkVerdict> {
  // A timeline that does not stand in the record yet: a promotion could not tell those who acknowledged on it from one promoted by hand.
  const serves = (facts: PrimaryFacts) =>
    facts.healthy && facts.epoch === record.epoch && !wasNeverGranted(facts.timeline, record);
  if (!serves(await askPrimary(context, primary))) return { kind: 'wait' };
  context.walSource.setUpstream(null);
  const end = await context.postgres.localEnd(localEndTimeoutMs);
  const facts = await askPrimary(context, primary);
  if (!serves(facts)) return { kind: 'wait' };
  const reached = compareHistories(end, facts.history, facts.timeline, facts.currentLsn);
  if (reached.kind === 'can-follow') return { kind: 'can-follow', tagged: facts.knowsTags === true };
  context.logger.warn({ primary: primary.id, ...reached }, 'this standby has WAL that the primary does not have');
  const sentence = `It has WAL that ${primary.id} does not have (up to ${reached.localLsn}; what they share ends at ${reached.forkLsn}). It is copied anew.`;
  return { kind: 'diverged', sentence };
}

/**
 * A server that runs as primary, or last did, without ever having been granted it: somebody promoted it by hand. Its timeline is nobody's but its own, also where
 * its number is one that the group takes later. Null: it was this group's primary on that timeline.
 */
export function promotedByHand(record: GroupRecord, self: string, timeline: number | null): string | null {
  /* A promotion that died before it was in the control file leaves the timeline that it came from. */
  const granted = record.timelineHistory.some(
    (entry) => entry.primary === self && (entry.timeline === timeline || entry.parent === timeline),
  );
  if (timeline === null || granted || record.timelineHistory.length === 0) return null;
  return `PostgreSQL of ${self} was promoted by hand (to timeline ${timeline}) while ${record.primary} is the primary of ${record.name}. It is stopped, and ${self} is copied anew from ${record.primary}; what was written on it since is given up.`;
}
