/** The text of `synchronous_standby_names` as we write it (`ANY k ("a","b")`, or empty) and back. */
import { strangers, type VoterSet } from '../cluster/core/voter-set';

const pattern = /^ANY (\d+) \((.*)\)$/;

/** Empty: commits wait for nobody. Any other text that is not ours reads as strangers, who cover no voter set. */
export function parseSynchronousStandbyNames(text: string, tag?: string): VoterSet {
  const match = pattern.exec(text.trim());
  if (!match) return text.trim() === '' ? { members: [], k: 0 } : strangers;
  const members = [...(match[2] ?? '').matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map((part) =>
    nodeOf((part[1] ?? part[2] ?? '').replaceAll('""', '"'), tag),
  );
  return members.length === 0 ? strangers : { members: members.sort(), k: Number(match[1]) };
}

function nodeOf(name: string, tag: string | undefined): string {
  const suffix = `_${tag}`;
  return tag !== undefined && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}
