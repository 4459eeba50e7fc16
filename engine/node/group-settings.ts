/** Keeps PostgreSQL's settings as the group record wants them: what the commit mode needs and what an operator set for the group. */
import type { GroupRecord } from '../cluster/model';
import { groupFact, type NodeContext } from './node-context';

/** `synchronous` means applied on every voter, `semi_synchronous` flushed on one; without a set there is nobody to wait for. */
function settingsOf(record: GroupRecord): Readonly<Record<string, string>> {
  // Nobody has an archive target yet, so archiving is no longer taken from an operator; a record may have it from before that was refused.
  const { archive_mode: _withoutTarget, ...settings } = record.settings;
  return { synchronous_commit: record.mode === 'synchronous' ? 'remote_apply' : 'on', ...settings };
}

export class GroupSettings {
  #applied: Readonly<Record<string, string>> | null = null;
  #server: number | null = null;

  constructor(private readonly context: NodeContext) {}

  async cycle(): Promise<void> {
    const record = groupFact(this.context)?.record;
    if (!record) return;
    const wanted = settingsOf(record);
    const server = this.context.postgres.postmasterPid();
    if (server !== this.#server) this.#applied = null;
    const changes: Record<string, string | null> = {};
    for (const [name, value] of Object.entries(wanted)) if (this.#applied?.[name] !== value) changes[name] = value;
    for (const name of Object.keys(this.#applied ?? {})) if (!(name in wanted)) changes[name] = null;
    if (Object.keys(changes).length > 0) await this.context.postgres.applySettings(changes);
    this.#applied = wanted;
    this.#server = server;
  }
}
