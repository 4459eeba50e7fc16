/**
 * Every row that was ever acknowledged in a soak, per group and table, and the check that a node has them: the newly acknowledged ones after each
 * heal, all of them at the end.
 */
import pg from 'pg';
import { everyMemberCaughtUp } from '../../engine/testing/member-check';
import type { RealCluster } from '../../engine/testing/real-cluster';

export type CheckedTable = 'checked_writes' | 'probe_commits';
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

  /** Looks on every member of the group. `all`: also rows that were checked before. */
  async check(all: boolean): Promise<readonly Loss[]> {
    const losses: Loss[] = [];
    for (const node of await everyMemberCaughtUp(this.cluster, this.group, catchUpMs)) {
      const client = new pg.Client({ ...(await this.cluster.direct(node)), connectionTimeoutMillis: 10_000 });
      client.on('error', () => {});
      await client.connect();
      try {
        for (const [table, rows] of this.#rows) {
          const ids = await missing(client, table, all ? rows : rows.slice(this.#checked.get(table) ?? 0));
          if (ids.length > 0) losses.push({ group: this.group, node, table, ids });
        }
      } finally {
        await client.end().catch(() => {});
      }
    }
    for (const [table, rows] of this.#rows) this.#checked.set(table, rows.length);
    return losses;
  }
}

async function missing(client: pg.Client, table: CheckedTable, ids: readonly string[]): Promise<string[]> {
  const gone: string[] = [];
  for (let from = 0; from < ids.length; from += chunk) {
    const part = ids.slice(from, from + chunk);
    const { rows } = await client.query<{ id: string }>(`select id from ${table} where id = any($1)`, [part]);
    if (rows.length === part.length) continue;
    const present = new Set(rows.map((row) => row.id));
    gone.push(...part.filter((id) => !present.has(id)));
  }
  return gone;
}
