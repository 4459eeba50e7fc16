/**
 * Commits on one node directly, past the router, whenever that node lets it, all the time: the witness of who acknowledges what and when. On a
 * standby it only asks whether it still is one, so that the node's log is not flooded with refusals.
 */
import pg from 'pg';
import type { ProbeCommit } from '../../engine/testing/commit-intervals';
import { delay } from '../../engine/testing/real-cluster';

const pauseMs = 15;
const connectTimeoutMs = 2_000;
/** Longer than any freeze: a thawed server's answer is exactly what must be seen. */
const queryTimeoutMs = 60_000;

const commit = `insert into probe_commits (id, node, sent_at) values ($1, $2, to_timestamp($3 / 1000.0))
  returning ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int as timeline`;

export class NodeProber {
  acknowledged: string[] = [];
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  #client: pg.Client | null = null;
  #next = 0;

  constructor(
    private readonly node: string,
    private readonly config: pg.ClientConfig,
    private readonly onCommit: (commit: ProbeCommit) => void,
  ) {}

  static readonly table =
    'create table if not exists probe_commits (id text primary key, node text not null, sent_at timestamptz not null)';

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const cut = setTimeout(() => void this.#client?.end().catch(() => {}), 2_000);
    await this.#running;
    clearTimeout(cut);
  }

  take(): readonly string[] {
    const taken = this.acknowledged;
    this.acknowledged = [];
    return taken;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const client = new pg.Client({
        ...this.config,
        connectionTimeoutMillis: connectTimeoutMs,
        query_timeout: queryTimeoutMs,
        application_name: 'probe',
      });
      let cancelled = false;
      client.on('error', () => {});
      // A commit whose wait for a standby was cancelled is answered as done, with a warning: nobody may count on it.
      client.on('notice', (notice) => {
        if (/wait for synchronous replication/.test(notice.message ?? '')) cancelled = true;
      });
      this.#client = client;
      try {
        await client.connect();
        while (!this.#stopping) {
          cancelled = false;
          await this.#once(client, () => cancelled);
          await delay(pauseMs);
        }
      } catch {
        await delay(pauseMs);
      }
      await client.end().catch(() => {});
    }
  }

  async #once(client: pg.Client, cancelled: () => boolean): Promise<void> {
    const asked = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
    if (asked.rows[0]?.standby !== false) return;
    const id = `${this.node}:${this.#next++}`;
    const sentMs = performance.now();
    const { rows } = await client.query<{ timeline: number }>(commit, [id, this.node, Date.now()]);
    if (cancelled()) return;
    this.acknowledged.push(id);
    this.onCommit({ node: this.node, timeline: rows[0]?.timeline ?? 0, sentMs, answeredMs: performance.now() });
  }
}
