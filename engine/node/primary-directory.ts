/**
 * What the record's primary finds where its data should be. Invariant: a node whose directory is gone, damaged or of another database system can't
 * serve the group, so it neither keeps the lease nor takes it back; a standby that has everything takes over.
 */
import type { GroupRecord } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import type { NodeContext } from './node-context';

export type PrimaryDirectory =
  | { readonly kind: 'usable'; readonly standbySignal: boolean }
  /** The group has no database yet: it is created here. */
  | { readonly kind: 'to-create' }
  | { readonly kind: 'unusable'; readonly why: string };

type Parts = Pick<NodeContext, 'config' | 'postgres'>;

export async function lookAtPrimaryDirectory(
  { config, postgres }: Parts,
  record: GroupRecord,
): Promise<PrimaryDirectory> {
  try {
    const found = await postgres.inspect();
    if (found.kind === 'absent')
      return record.systemIdentifier
        ? { kind: 'unusable', why: `the data directory of ${config.nodeId} is gone` }
        : { kind: 'to-create' };
    const foreign = otherSystem({ config, postgres }, record, found.control.systemIdentifier);
    return foreign === null
      ? { kind: 'usable', standbySignal: found.standbySignal }
      : { kind: 'unusable', why: foreign };
  } catch (error) {
    return { kind: 'unusable', why: `the data directory of ${config.nodeId} can't be used: ${messageOf(error)}` };
  }
}

/** Null: the record's primary could serve with what it has. */
export async function unfitToServe(parts: Parts, record: GroupRecord): Promise<string | null> {
  const found = await lookAtPrimaryDirectory(parts, record);
  return found.kind === 'unusable' ? found.why : null;
}

/** A server whose directory was moved away or removed goes on until it misses its files, a minute later: it is ended at once. False: not so. */
export async function endedWithoutData({ postgres }: Parts, doing: (what: string) => void): Promise<boolean> {
  if (!postgres.dataMovedAway()) return false;
  doing('its data directory was moved away or removed while PostgreSQL runs: ends it');
  await postgres.killAll();
  return true;
}

/** Null: the directory belongs to this group. */
export function otherSystem({ config, postgres }: Parts, record: GroupRecord, systemIdentifier: string): string | null {
  if (!record.systemIdentifier || record.systemIdentifier === systemIdentifier) return null;
  return `the data directory of ${config.nodeId} belongs to another database system (${systemIdentifier}, the group ${record.name} has ${record.systemIdentifier}). Move ${postgres.configuration.paths.dataDirectory} away; the node then clones itself`;
}
