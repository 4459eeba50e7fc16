/**
 * Every file that must survive, its format, and what a release does with one that is newer than it knows. Within one level of the cluster formats only
 * gain optional fields; another format comes with a level (release.ts), so that no older program meets it while it may still be started. The number in
 * the file is the second line: of a file that was copied, restored or mixed up. Absent means 1.
 */
import { release } from './release';

export type NewerIs =
  /** The process refuses to start and says what to do. */
  | 'refused'
  /** What can't be read is left out; the rest is used. */
  | 'left out'
  /** A chain of lines that covers whatever stands in them. */
  | 'shown as it is'
  /** Only a copy or a cache: made anew. */
  | 'made anew';

export type FileFormat = {
  /** Below the data directory, `<node>` for a node's own one. */
  readonly file: string;
  readonly version: number;
  readonly newer: NewerIs;
  /** The module that writes it. */
  readonly module: string;
};

export const formats = {
  cluster: { file: 'cluster.json', version: 1, newer: 'refused', module: 'engine/runtime/installation.ts' },
  postgresUser: {
    file: 'postgres-user.json',
    version: 1,
    newer: 'refused',
    module: 'engine/runtime/postgres-user.ts',
  },
  ports: { file: 'ports.json', version: 1, newer: 'refused', module: 'engine/runtime/ports.ts' },
  secrets: { file: 'secrets/*', version: 1, newer: 'refused', module: 'engine/runtime/secrets.ts' },
  nodes: { file: 'nodes.json', version: 1, newer: 'made anew', module: 'engine/runtime/membership-watch.ts' },
  /** Its version is the level of the cluster. */
  identity: { file: '<node>/identity.json', version: 1, newer: 'refused', module: 'engine/runtime/node-identity.ts' },
  memberState: {
    file: '<node>/member-state.json',
    version: 1,
    newer: 'refused',
    module: 'engine/node/durable-state.ts',
  },
  /** Which settings this agent wrote; of another version: none is known, and none is reset that it did not write since. */
  settingsMemory: {
    file: '<node>/group-settings.json',
    version: 1,
    newer: 'made anew',
    module: 'engine/node/group-settings.ts',
  },
  /** Under which epoch copies of slots were made; of another version: an old one, which keeps the copies. */
  slotCopies: {
    file: '<node>/slot-copies.json',
    version: 1,
    newer: 'made anew',
    module: 'engine/node/copied-under.ts',
  },
  controlStore: { file: '<node>/raft/*', version: 1, newer: 'refused', module: 'engine/control/raft/log-storage.ts' },
  operations: {
    file: '<node>/archive/operations-*.jsonl',
    version: 1,
    newer: 'left out',
    module: 'engine/operations/operation-archive.ts',
  },
  health: {
    file: '<node>/archive/health/health-*.jsonl',
    version: 1,
    newer: 'left out',
    module: 'engine/monitoring/health-journal.ts',
  },
  replaySpeed: {
    file: '<node>/replay-speed.json',
    version: 1,
    newer: 'made anew',
    module: 'engine/postgres/redo-estimate.ts',
  },
  audit: { file: 'audit/audit*.jsonl', version: 1, newer: 'shown as it is', module: 'server/audit/writer.ts' },
  auditWriter: { file: 'audit/writer-id', version: 1, newer: 'shown as it is', module: 'server/audit/segments.ts' },
  sessionBacklog: {
    file: 'session-backlog.json',
    version: 1,
    newer: 'made anew',
    module: 'server/auth/session-backlog.ts',
  },
} as const satisfies Readonly<Record<string, FileFormat>>;

export type FormatName = keyof typeof formats;

/** Null: this release knows it. `found`: what stands in the file as its format; absent is 1. */
export function newerFormat(path: string, name: FormatName, found: unknown): string | null {
  return newerThan(path, formats[name].version, found);
}

/** The same for whatever else carries a format: `what` names it, `version` is the newest that this release reads. */
export function newerThan(what: string, version: number, found: unknown): string | null {
  if (found === undefined) return null;
  if (Number.isInteger(found) && (found as number) >= 1 && (found as number) <= version) return null;
  return (
    `${what} has format ${JSON.stringify(found)}; this is release ${release}, which reads up to format ${version}. ` +
    'A newer release wrote it: start that one. Nothing needs to be moved or restored.'
  );
}
