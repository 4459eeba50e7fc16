/**
 * A consumer of one group's changes over a failover slot, for as long as the soak runs. Invariant that it proves: it takes each acknowledged row once, and
 * takes no row that the group doesn't have.
 */
import { pollUntil } from '../../engine/kernel/async';
import { FeedConsumer } from '../../engine/testing/feed-consumer';
import { query } from '../../engine/testing/member-check';
import type { RealCluster } from '../../engine/testing/real-cluster';
import { asSuperuser } from '../../engine/testing/superuser';

const slot = 'soak_feed';
const reader = { user: 'soak_reader', password: 'reads-what-changed' };
const readyMs = 120_000;
const takenMs = 120_000;

export class ChangeFeed {
  readonly #feed: FeedConsumer;
  readonly #due = new Set<string>();

  private constructor(
    private readonly cluster: RealCluster,
    readonly group: string,
  ) {
    this.#feed = new FeedConsumer({
      login: async () => ({ ...(await cluster.service(`${group}-rw`)), ...reader, application_name: 'soak feed' }),
      slot,
      keyOf: (line) => /: INSERT: id\[text\]:'([^']+)'/.exec(line)?.[1] ?? null,
    });
  }

  static async open(cluster: RealCluster, group: string): Promise<ChangeFeed> {
    const door = await cluster.door();
    await asSuperuser(
      cluster,
      await door.primary(group),
      `CREATE ROLE ${reader.user} LOGIN REPLICATION PASSWORD '${reader.password}'`,
      `GRANT CONNECT ON DATABASE app TO ${reader.user}`,
    );
    const { id } = await door.startOperation({
      kind: 'create-slot',
      group,
      slot: { name: slot, type: 'logical', plugin: 'test_decoding', database: 'app', failover: true, twoPhase: false },
    });
    const { state, error } = await door.finished(id);
    if (state !== 'succeeded') throw new Error(`the slot of ${group} is not made: ${error?.message ?? state}`);
    return new ChangeFeed(cluster, group);
  }

  get size(): number {
    return this.#feed.taken.size;
  }

  /** Every standby holds a copy that could go on: what an operator sees to before planned work, and what the ranking prefers. */
  async copiesReady(): Promise<void> {
    const view = await (await this.cluster.door()).view();
    const primary = view.groups.find(({ record }) => record.name === this.group)?.record.primary;
    const standbys = view.nodes.filter(({ record }) => record.group === this.group && record.id !== primary);
    for (const { record } of standbys)
      await pollUntil(() => this.#copyReady(record.id), {
        timeoutMs: readyMs,
        intervalMs: 100,
        what: `${record.id} holds a ready copy of ${slot}`,
      });
  }

  async #copyReady(node: string): Promise<true | undefined> {
    const text = `select synced, temporary, invalidation_reason as lost, pg_is_in_recovery() as standby from pg_replication_slots where slot_name = $1`;
    type Copy = { synced: boolean; temporary: boolean; lost: string | null; standby: boolean };
    const [row] = await query<Copy>(await this.cluster.direct(node), text, [slot]);
    const ready = row?.synced && !row.temporary && row.lost === null && row.standby;
    if (!ready) throw new Error(`${node}: ${JSON.stringify(row ?? 'no copy')}; feed: ${this.#feed.lastError}`);
    return true;
  }

  expect(ids: Iterable<string>): void {
    for (const id of ids) this.#due.add(id);
  }

  /** Null: everything that was acknowledged has come, once. */
  async check(): Promise<string | null> {
    const { taken, twice } = this.#feed;
    const came = await pollUntil(
      () => {
        for (const id of this.#due) if (taken.has(id)) this.#due.delete(id);
        return this.#due.size === 0 || undefined;
      },
      { timeoutMs: takenMs, intervalMs: 100, what: 'the consumer has everything' },
    ).catch(() => false);
    const some = (ids: Iterable<string>) => [...ids].slice(0, 5).join(', ');
    if (twice.length > 0) return `the consumer of ${this.group} saw ${twice.length} changes twice: ${some(twice)}`;
    if (!came)
      return `the consumer of ${this.group} lacks ${this.#due.size} acknowledged changes: ${some(this.#due)} (${this.#feed.lastError})`;
    return null;
  }

  /** What the consumer has: each must be in the group. */
  taken(): readonly string[] {
    return [...this.#feed.taken];
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }
}
