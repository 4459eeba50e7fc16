/** The text of `synchronous_standby_names` as we write it (`ANY k ("a","b")`, or empty) and back. */
import type { VoterSet } from '../cluster/core/voter-set';

const pattern = /^ANY (\d+) \((.*)\)$/;

/** Stands for a list that someone wrote by hand: whose acknowledgement it takes is not known. */
export const strangers: VoterSet = { members: ['(set by hand)'], k: 1 };

/** Empty: commits wait for nobody. Any other text that is not ours reads as strangers, who cover no voter set. */
export function parseSynchronousStandbyNames(text: string): VoterSet {
  const match = pattern.exec(text.trim());
  if (!match) return text.trim() === '' ? { members: [], k: 0 } : strangers;
  const members = [...(match[2] ?? '').matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map((part) =>
    (part[1] ?? part[2] ?? '').replaceAll('""', '"'),
  );
  return members.length === 0 ? strangers : { members: members.sort(), k: Number(match[1]) };
}
