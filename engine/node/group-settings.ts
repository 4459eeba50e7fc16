/**
 * Keeps PostgreSQL's settings as the group record wants them: what the commit mode needs and what an operator set for the group. Level-triggered: it
 * compares the record with postgresql.auto.conf, so that a value changed by hand, a member that was down, and a setting that was taken back meanwhile
 * come right by themselves. What this node has ever applied is remembered on disk: only that is reset, settings that somebody made by hand stay.
 */
import { join } from 'node:path';
import { locksOut } from '../cluster/core/lockouts';
import type { GroupRecord } from '../cluster/model';
import { replaceFile } from '../kernel/small-files';
import { parseAutoConf } from '../postgres/auto-conf';
import type { Settings } from '../postgres/runtime-settings';
import { changesFor } from './core/settings-drift';
import { groupFact, groupMembers, type NodeContext } from './node-context';

const memoryFile = 'group-settings.json';
const formatVersion = 1;

/** `synchronous` means applied on every voter, `semi_synchronous` flushed on one; without a set there is nobody to wait for. */
function settingsOf(record: GroupRecord): Readonly<Record<string, string>> {
  // Nobody has an archive target yet, so archiving is no longer taken from an operator; a record may have it from before that was refused.
  const { archive_mode: _withoutTarget, ...settings } = record.settings;
  return { synchronous_commit: record.mode === 'synchronous' ? 'remote_apply' : 'on', ...settings };
}

export class GroupSettings {
  /** Names that this node got from a record, now or before. */
  #remembered: ReadonlySet<string> | null = null;
  /** The file as it read after our own last change: PostgreSQL may write a value differently than we do. */
  #seen: ReadonlyMap<string, string> = new Map();
  #wanted: Readonly<Record<string, string>> = {};
  /** The unreadable lines that the files were last written anew for. */
  #repaired = '';

  constructor(private readonly context: NodeContext) {}

  async cycle(): Promise<void> {
    const record = groupFact(this.context)?.record;
    if (!record) return;
    await this.#repair();
    const wanted = settingsOf(record);
    const changes = await this.#changes(wanted);
    if (Object.keys(changes).length > 0) {
      await this.context.postgres.applySettings(changes);
      this.#seen = await this.#inForce();
    }
    this.#wanted = wanted;
    await this.#forget(wanted);
  }

  /** Once for the same lines: what is still wrong then is told, and a person's. */
  async #repair(): Promise<void> {
    const { postgres, reports, logger } = this.context;
    const byHand = reports.last?.settingsByHand ?? [];
    const unreadable = byHand.filter(({ error }) => error !== null);
    const lockouts = byHand.flatMap(({ name, value }) => (name && locksOut(name, value ?? '') ? [name] : []));
    const found = [...unreadable.map(({ file, line, error }) => `${file}:${line}: ${error}`), ...lockouts].join('; ');
    if (found === this.#repaired) return;
    this.#repaired = found;
    if (found === '' || !postgres.repairConfiguration) return;
    logger.warn({ found }, 'writes the configuration files anew: with these PostgreSQL takes no change, or nobody in');
    const refused = [...unreadable.flatMap(({ name }) => name ?? []), ...lockouts];
    await postgres.repairConfiguration(groupMembers(this.context).length, refused);
  }

  /** For a server that is about to start: all that the record wants, and nothing that it wanted once. */
  async forStart(): Promise<Settings> {
    const record = groupFact(this.context)?.record;
    if (!record) return {};
    const wanted = settingsOf(record);
    const changes = await this.#changes(wanted);
    this.#seen = new Map();
    return { ...wanted, ...changes };
  }

  async #changes(wanted: Readonly<Record<string, string>>): Promise<Settings> {
    const remembered = await this.#names();
    const file = await this.#inForce();
    // Before the change, so that a crash in between forgets nothing.
    await this.#remember(new Set([...remembered, ...Object.keys(wanted).map((name) => name.toLowerCase())]));
    return changesFor({ wanted, lastWanted: this.#wanted, file, seen: this.#seen, remembered });
  }

  async #inForce(): Promise<ReadonlyMap<string, string>> {
    const { dataDirectory } = this.context.postgres.configuration.paths;
    return parseAutoConf(this.context.files.readText(join(dataDirectory, 'postgresql.auto.conf')) ?? '');
  }

  get #memoryPath(): string {
    return join(this.context.config.nodeDirectory, memoryFile);
  }

  async #names(): Promise<ReadonlySet<string>> {
    if (this.#remembered) return this.#remembered;
    const text = this.context.files.readText(this.#memoryPath);
    const known = text === null ? null : (JSON.parse(text) as { version: number; names: readonly string[] });
    this.#remembered = new Set(known?.names ?? []);
    return this.#remembered;
  }

  async #remember(names: ReadonlySet<string>): Promise<void> {
    const known = await this.#names();
    if (names.size === known.size && [...names].every((name) => known.has(name))) return;
    const text = `${JSON.stringify({ version: formatVersion, names: [...names].sort() })}\n`;
    replaceFile(this.context.files, this.#memoryPath, text);
    this.#remembered = names;
  }

  /** What was reset is gone from the file: somebody who sets it by hand from now on keeps it. */
  async #forget(wanted: Readonly<Record<string, string>>): Promise<void> {
    await this.#remember(new Set(Object.keys(wanted).map((name) => name.toLowerCase())));
  }
}
