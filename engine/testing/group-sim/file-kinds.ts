/**
 * The durable files of a node by what they are for, so that a torn write or a full disk hits each kind and can be counted. (The archive of
 * operations is not among them: it begins with the 1,001st.) */
import type { DiskCall } from './disk';

const kinds = {
  'store log': /\/raft\/log-/,
  'store snapshot': /\/raft\/snapshot-/,
  promise: /\/member-state\.json/,
  identity: /\/identity\.json/,
  'store begun': /\/store-begun/,
  'group settings': /\/group-settings\.json/,
  'slot copies': /\/slot-copies\.json/,
  health: /\/archive\/health\//,
  'postgresql.auto.conf': /\/postgresql\.auto\.conf/,
  'standby.signal': /\/standby\.signal/,
  'guardian’s word': /\/last-exit\.json/,
} as const;

export type FileKind = keyof typeof kinds;
export const fileKinds = Object.keys(kinds) as FileKind[];

export function kindOf(path: string): FileKind | null {
  return fileKinds.find((kind) => kinds[kind].test(path)) ?? null;
}

/** In which calls the power may go: what is appended is not renamed. */
export function callsOf(kind: FileKind): readonly DiskCall[] {
  return kind === 'health' ? ['write'] : ['write', 'sync', 'rename', 'directory'];
}
