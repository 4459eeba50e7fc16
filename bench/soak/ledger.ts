/**
 * Every row that was ever acknowledged in a soak, per group and table, and the check that they are there: after each heal all of them on the primary and
 * the newly acknowledged ones on every other member, at the end all of them on every member.
 */
import pg from 'pg';
import { everyMemberCaughtUp, readCommitted } from '../../engine/testing/member-check';
import type { RealCluster } from '../../engine/testing/real-cluster';

const checkedTables = ['checked_writes', 'probe_commits'] as const;
export type CheckedTable = (typeof checkedTables)[number];
export type Loss = {
  readonly group: string;
  readonly node: string;
  readonly table: CheckedTable;
  readonly ids: readonly string[];
};

const chunk = 20_000;
const catchUpMs = 60_000;

export class Ledger {
  readonly #rows = new Map<CheckedTable, string[]>();
  readonly #checked = new Map<CheckedTable, number>();

  constructor(
    private readonly cluster: RealCluster,
    readonly group: string,
  ) {}

  get size(): number {
    return [...this.#rows.values()].reduce((sum, ids) => sum + ids.length, 0);
  }

  add(table: CheckedTable, ids: readonly string[]): void {
    const rows = this.#rows.get(table) ?? [];
    for (const id of ids) rows.push(id);
    this.#rows.set(table, rows);
  }

  /** `all`: also rows that a standby was asked for before. */
  async check(all: boolean): Promise<readonly Loss[]> {
    const losses: Loss[] = [];
    const [primary, ...standbys] = await everyMemberCaughtUp(this.cluster, this.group, catchUpMs);
    for (const node of [primary as string, ...standbys]) {
      await this.#ask(node, async (client) => {
        for (const [table, rows] of this.#rows) {
          const asked = all || node === primary ? rows : rows.slice(this.#checked.get(table) ?? 0);
          const ids = await missing(client, table, asked);
          if (ids.length > 0) losses.push({ group: this.group, node, table, ids });
        }
      });
    }
    for (const [table, rows] of this.#rows) this.#checked.set(table, rows.length);
    return losses;
  }

  /** Of rows of any table: those that the primary doesn't have. */
  async absent(ids: readonly string[]): Promise<readonly string[]> {
    const [primary] = await everyMemberCaughtUp(this.cluster, this.group, catchUpMs);
    let left = ids;
    await this.#ask(primary as string, async (client) => {
      for (const table of checkedTables) left = await missing(client, table, left);
    });
    return left;
  }

  async #ask(node: string, questions: (client: pg.Client) => Promise<void>): Promise<void> {
    const client = new pg.Client({ ...(await this.cluster.direct(node)), connectionTimeoutMillis: 10_000 });
    client.on('error', () => {});
    await client.connect();
    try {
      await readCommitted(client);
      await questions(client);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function missing(client: pg.Client, table: CheckedTable, ids: readonly string[]): Promise<string[]> {
  const gone: string[] = [];
  for (let from = 0; from < ids.length; from += chunk) {
    const part = ids.slice(from, from + chunk);
    const text = `select asked.id from unnest($1::text[]) as asked(id) where not exists (select from ${table} where id = asked.id)`;
    const { rows } = await client.query<{ id: string }>(text, [part]);
    gone.push(...rows.map((row) => row.id));
  }
  return gone;
}
