/**
 * Whether commits still wait for whom we believe they wait. Pure: what PostgreSQL runs with now against what was set and proved. Invariant: a difference
 * is answered with what PostgreSQL may have acknowledged by meanwhile, so the store lets go of its voters and takes them back only behind a new barrier.
 */
import { sameSet, strangers, type VoterSet } from '../../cluster/core/voter-set';
import type { OtherSender, PostgresReport } from '../../cluster/model';
import type { NodeId } from '../../kernel/ids';

export type DamageInput = {
  readonly report: Pick<PostgresReport, 'otherSenders' | 'synchronousCommit' | 'synchronousStandbyNames'>;
  /** The list as it reads now; null: not known. */
  readonly now: VoterSet | null;
  /** What was set and proved; null: nothing yet. */
  readonly confirmed: VoterSet | null;
  /** What the other members call themselves, by member. */
  readonly names: ReadonlyMap<string, NodeId>;
};

export type Damage = {
  readonly sentence: string;
  /** What commits may have been acknowledged by. */
  readonly inForce: VoterSet;
  /** Sessions to end. */
  readonly usurpers: readonly OtherSender[];
};

/** With these a commit returns before a standby has it on disk. */
const lower = new Set(['off', 'local', 'remote_write', 'false', 'no', '0', 'f', 'n']);

export function damageOf(input: DamageInput): Damage | null {
  return usurped(input) ?? changedList(input) ?? loweredCommit(input);
}

/**
 * PostgreSQL takes no acknowledgement from these, whatever they call themselves. A member's own walsender is in `startup` without a slot until it streams,
 * and again between two timelines: on a busy host for longer than a report takes.
 */
const speechless = new Set(['startup', 'backup']);

/** PostgreSQL compares names without regard to case, and asks for nothing else. */
function usurped({ report, names }: DamageInput): Damage | null {
  const usurpers = (report.otherSenders ?? []).filter(
    (one) => !speechless.has(one.state) && (one.counts || names.has(one.name.toLowerCase())),
  );
  const first = usurpers[0];
  if (first === undefined) return null;
  const member = names.get(first.name.toLowerCase());
  const like = member === undefined ? 'like a synchronous standby' : `like the standby ${member}`;
  const sentence = `A session of role ${first.user ?? 'unknown'} (pid ${first.pid}) called itself "${first.name}", ${like}, so PostgreSQL takes its word for an acknowledgement. It is ended; give that client another application_name.`;
  return { sentence, inForce: strangers, usurpers };
}

function changedList({ report, now, confirmed }: DamageInput): Damage | null {
  if (now === null || confirmed === null || sameSet(now, confirmed)) return null;
  const sentence = `synchronous_standby_names was changed by hand (it is "${report.synchronousStandbyNames}"): it is set again, and until then acknowledged writes may be on the primary alone.`;
  return { sentence, inForce: now, usurpers: [] };
}

function loweredCommit({ report, confirmed }: DamageInput): Damage | null {
  const value = report.synchronousCommit?.toLowerCase() ?? 'on';
  if (confirmed === null || confirmed.members.length === 0 || !lower.has(value)) return null;
  const sentence = `synchronous_commit is ${value} in PostgreSQL's configuration, so commits do not wait for a standby: remove that line, or ALTER SYSTEM RESET synchronous_commit.`;
  return { sentence, inForce: strangers, usurpers: [] };
}
