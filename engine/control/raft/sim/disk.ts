/**
 * A disk that may lose what was not synced. Same contract as RaftLogStorage: a write is one atomic frame, durable when its sync ends; what is written
 * when the process dies is there or not.
 */
import type { RaftConfiguration, RaftMember } from '../../store';
import type { Entry, HardState, Persist, RaftState, Snapshot } from '../core/model';
import type { Recovered } from '../core/step';
import { merge } from '../persist-queue';

export type Image = {
  readonly member: RaftMember | null;
  /** Changes when the files are copied elsewhere: inode and birth time of a copy are new. */
  readonly place: number;
  readonly recordedPlace: number;
  readonly hard: HardState;
  readonly snapshot: Snapshot | null;
  readonly entries: readonly Entry[];
};

export function emptyImage(place: number): Image {
  return { member: null, place, recordedPlace: place, hard: { term: 0, vote: null }, snapshot: null, entries: [] };
}

export function copyTo(image: Image, place: number): Image {
  return { ...image, place };
}

/** What the storage does at opening: refuses copies and other members' files. */
export function openImage(
  image: Image,
  self: RaftMember,
): { readonly recovered: Recovered } | { readonly refused: 'copy' | 'member' } {
  if (image.member && (image.member.id !== self.id || image.member.incarnation !== self.incarnation)) {
    return { refused: 'member' };
  }
  if (image.place !== image.recordedPlace) return { refused: 'copy' };
  return { recovered: { hardState: image.hard, snapshot: image.snapshot, entries: image.entries } };
}

/** Configurations that a restart would find; none: the directory is empty or was emptied. */
export function configurationsOn(image: Image): RaftState['configurations'] {
  const { snapshot, entries } = image;
  const listed = entries
    .filter((entry) => entry.kind === 'configuration' && entry.index > (snapshot?.index ?? 0))
    .map((entry) => ({ index: entry.index, configuration: JSON.parse(entry.data) as RaftConfiguration }));
  return snapshot ? [{ index: snapshot.index, configuration: snapshot.configuration }, ...listed] : listed;
}

/** The image after a batch of persist effects. */
export function written(image: Image, batch: readonly Persist[]): Image {
  let result = image;
  const plain: Persist[] = [];
  for (const effect of batch) {
    if (effect.snapshot || effect.rewrite) {
      result = {
        ...result,
        hard: effect.hardState ?? result.hard,
        snapshot: effect.snapshot ?? result.snapshot,
        entries: effect.rewrite ?? effect.entries,
      };
    } else plain.push(effect);
  }
  if (plain.length === 0) return result;
  const { hard, entries } = merge(plain);
  return { ...result, hard: hard ?? result.hard, entries: joined(result.entries, entries) };
}

function joined(entries: readonly Entry[], more: readonly Entry[]): readonly Entry[] {
  const first = more[0];
  if (!first) return entries;
  const start = entries[0]?.index ?? first.index;
  if (first.index < start || first.index > start + entries.length) return more;
  // Appends dominate: share the array as long as nobody else has grown it.
  if (first.index === start + entries.length) {
    const grown = entries as Entry[];
    return grown.concat(more);
  }
  return entries.slice(0, first.index - start).concat(more);
}
