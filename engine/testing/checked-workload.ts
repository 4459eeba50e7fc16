/**
 * Closed-loop clients that write through the router and remember exactly what was acknowledged. Independent of the product's own view: an
 * acknowledged row that is missing anywhere after heal is a lost write, whatever any page says.
 */
import pg from 'pg';
import { delay } from '../kernel/async';

export type WorkloadOptions = {
  readonly connect: () => Promise<pg.ClientConfig>;
  readonly clients: number;
  /** Distinguishes the rows of several workloads in one table. */
  readonly tag: string;
  /** Pause after each commit, to offer a bounded load; 0: as fast as it goes. */
  readonly thinkMs?: number;
};

export type Outage = { readonly fromMs: number; readonly toMs: number; readonly ms: number };

const connectTimeoutMs = 35_000;
/** A session that still hangs this long after `stop` is cut off: its write stays unknown. */
const stopPatienceMs = 15_000;

export class CheckedWorkload {
  readonly acknowledged = new Set<string>();
  /** Completion times (monotonic) of all acknowledged commits, ascending. */
  readonly commits: number[] = [];
  /** Connection attempts that failed, with the message. */
  readonly connectFailures: string[] = [];
  /** How long each connection attempt took that succeeded, in ms. */
  readonly connectMs: number[] = [];
  /** Sessions that ended under the client, by SQLSTATE or message. */
  readonly brokenSessions = new Map<string, number>();
  /** Writes whose outcome the client can't know. */
  readonly unknown = new Set<string>();
  #stopping = false;
  #clients: Promise<void>[] = [];
  readonly #sessions = new Set<pg.Client>();
  #next = 0;

  constructor(private readonly options: WorkloadOptions) {}

  static async createTable(config: pg.ClientConfig): Promise<void> {
    const client = new pg.Client(config);
    await client.connect();
    await client.query(
      'create table if not exists checked_writes (id text primary key, written_at timestamptz not null default clock_timestamp())',
    );
    await client.end();
  }

  start(): void {
    this.#clients = Array.from({ length: this.options.clients }, (_, index) => this.#client(index));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const cut = setTimeout(() => {
      for (const session of this.#sessions) streamOf(session).destroy();
    }, stopPatienceMs);
    await Promise.all(this.#clients);
    clearTimeout(cut);
  }

  /** The rows acknowledged since the last call; the workload forgets them (a soak keeps them in a denser form). */
  takeAcknowledged(): readonly string[] {
    const taken = [...this.acknowledged];
    this.acknowledged.clear();
    return taken;
  }

  /** The longest time without any acknowledged commit that overlaps [from, to]. */
  longestPause(from: number, to: number): Outage {
    let best: Outage = { fromMs: from, toMs: from, ms: 0 };
    let previous = this.commits[0] ?? from;
    for (const at of [...this.commits, to]) {
      if (at >= from && previous <= to && at - previous > best.ms)
        best = { fromMs: previous, toMs: at, ms: at - previous };
      previous = at;
    }
    return best;
  }

  rate(from: number, to: number): number {
    return this.commits.filter((at) => at >= from && at < to).length / ((to - from) / 1000);
  }

  /** Acknowledged rows that the server does not have. */
  async missing(config: pg.ClientConfig): Promise<readonly string[]> {
    const client = new pg.Client(config);
    await client.connect();
    try {
      const { rows } = await client.query<{ id: string }>('select id from checked_writes where id like $1', [
        `${this.options.tag}-%`,
      ]);
      const present = new Set(rows.map((row) => row.id));
      return [...this.acknowledged].filter((id) => !present.has(id));
    } finally {
      await client.end();
    }
  }

  async #client(index: number): Promise<void> {
    while (!this.#stopping) {
      const client = await this.#connect();
      if (!client) {
        await delay(5);
        continue;
      }
      await this.#write(client, index);
      await client.end().catch(() => {});
      this.#sessions.delete(client);
    }
  }

  async #connect(): Promise<pg.Client | null> {
    const client = new pg.Client({ ...(await this.options.connect()), connectionTimeoutMillis: connectTimeoutMs });
    client.on('error', () => {});
    const begun = performance.now();
    this.#sessions.add(client);
    try {
      await client.connect();
      this.connectMs.push(performance.now() - begun);
      return client;
    } catch (error) {
      this.#sessions.delete(client);
      this.connectFailures.push((error as Error).message);
      return null;
    }
  }

  async #write(client: pg.Client, index: number): Promise<void> {
    while (!this.#stopping) {
      const id = `${this.options.tag}-${index}-${this.#next++}`;
      this.unknown.add(id);
      try {
        await client.query({ name: 'insert', text: 'insert into checked_writes (id) values ($1)', values: [id] });
      } catch (error) {
        const reason = (error as { code?: string }).code ?? (error as Error).message;
        this.brokenSessions.set(reason, (this.brokenSessions.get(reason) ?? 0) + 1);
        return;
      }
      this.unknown.delete(id);
      this.acknowledged.add(id);
      this.commits.push(performance.now());
      if (this.options.thinkMs) await delay(this.options.thinkMs);
    }
  }
}

function streamOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}
