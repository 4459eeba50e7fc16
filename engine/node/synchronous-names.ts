/** The text of `synchronous_standby_names` as we write it (`ANY k ("a","b")`, or empty) and back. */
import type { VoterSet } from '../cluster/core/voter-set';

const pattern = /^ANY (\d+) \((.*)\)$/;

/** A text that is not ours (someone edited it by hand) reads as "nobody": the keeper then sets what it wants. */
export function parseSynchronousStandbyNames(text: string): VoterSet {
  const match = pattern.exec(text.trim());
  if (!match) return { members: [], k: 0 };
  const members = [...(match[2] ?? '').matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map((part) =>
    (part[1] ?? part[2] ?? '').replaceAll('""', '"'),
  );
  return members.length === 0 ? { members: [], k: 0 } : { members: members.sort(), k: Number(match[1]) };
}
