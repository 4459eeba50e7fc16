/**
 * A bank over several resource managers: transfers between them run and are killed in their middle; money is neither made nor lost, read from the rows of each
 * server directly. Who transfers doesn't know more than its answers: what it was told is committed must be there, each transfer in all of its places or none.
 */
import { createHash } from 'node:crypto';
import { delay, pollUntil } from '../../kernel/async';
import type { EngineParams, EngineResult } from '../../runtime/engine-api';
import type { XaRequests } from '../../xa/door';
import { query } from '../member-check';
import type { RealCluster } from '../real-cluster';
import type { MariadbFixture } from './mariadb-fixture';

const requester = { by: 'bank', reason: null, requestId: null, admin: true };
const accounts = 20;
const opening = 1_000;
const answerTimeoutMs = 12_000;

/** The row of a transfer in each place tells that it took place there. */
const schema = [
  'CREATE TABLE bank_account (id int PRIMARY KEY, balance int NOT NULL)',
  'CREATE TABLE bank_transfer (id varchar(64) PRIMARY KEY, amount int NOT NULL)',
];

export type Told = {
  readonly id: string;
  readonly places: readonly string[];
  readonly outcome: 'committed' | 'rolled back' | 'unknown';
};

export class Bank {
  readonly told: Told[] = [];
  #next = 0;

  constructor(
    private readonly cluster: RealCluster,
    private readonly maria: { readonly name: string; readonly server: MariadbFixture } | null,
    private readonly groups: readonly string[],
    private readonly seed: number,
  ) {}

  get places(): readonly string[] {
    return [...this.groups, ...(this.maria ? [this.maria.name] : [])];
  }

  async open(): Promise<void> {
    const rows = Array.from({ length: accounts }, (_, id) => `(${id}, ${opening})`).join(', ');
    for (const place of this.places)
      for (const sql of [...schema, `INSERT INTO bank_account VALUES ${rows}`]) await this.#run(place, sql);
  }

  async ask<M extends keyof XaRequests>(method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    const door = await this.cluster.door();
    const coordinator = await door.primary(this.groups[0]!);
    return door.connection.requestNode(coordinator, method, params, answerTimeoutMs);
  }

  /** One transfer over all places, in one call or step by step; `between` runs after each step. */
  async transfer(stepwise: boolean, between: (step: string) => Promise<void>): Promise<Told> {
    const number = this.#next++;
    const id = `${this.seed}-${number}`;
    const work = this.#work(id, number);
    const branches = this.places.map((resourceManager) => ({ resourceManager, mode: 'managed' as const }));
    const begin = { xid: id, branches, timeoutMs: 10_000, work, commit: !stepwise, requester };
    let outcome: Told['outcome'] = 'unknown';
    try {
      const started = await this.ask('xa.start', begin);
      await between('start');
      let { state } = started.transaction;
      if (stepwise) {
        await this.ask('xa.end', { xid: id, flag: 'success', requester });
        await between('end');
        await this.ask('xa.prepare', { xid: id, requester });
        await between('prepare');
        ({ state } = await this.ask('xa.commit', { xid: id, onePhase: false, requester }));
        await between('commit');
      }
      if (state === 'committed' || state === 'committing') outcome = 'committed';
    } catch (error) {
      const code = (error as { details?: { extra?: { xa_code?: string } } }).details?.extra?.xa_code ?? '';
      // What was refused as rolled back is nowhere; anything else is not known.
      if (code.startsWith('XA_RB')) outcome = 'rolled back';
      await delay(50);
    }
    const told = { id, places: this.places, outcome };
    this.told.push(told);
    return told;
  }

  /** What is wrong, in sentences; empty: nothing. Call when nothing is prepared any more. */
  async check(): Promise<readonly string[]> {
    const wrong: string[] = [];
    const there = new Map<string, Set<string>>();
    let sum = 0;
    for (const place of this.places) {
      const transfers = await this.#read<{ id: string }>(place, 'SELECT id FROM bank_transfer');
      there.set(place, new Set(transfers.map(({ id }) => id)));
      const [row] = await this.#read<{ total: string }>(place, 'SELECT sum(balance) AS total FROM bank_account');
      sum += Number(row!.total);
    }
    const wanted = this.places.length * accounts * opening;
    if (sum !== wanted) wrong.push(`the balances add up to ${sum}, not ${wanted}`);
    for (const { id, places, outcome } of this.told) {
      const found = places.filter((place) => there.get(place)!.has(id));
      if (found.length > 0 && found.length < places.length) wrong.push(`transfer ${id} is on ${found.join(', ')} only`);
      if (outcome === 'committed' && found.length === 0)
        wrong.push(`transfer ${id} was told to be committed and is nowhere`);
      if (outcome === 'rolled back' && found.length > 0)
        wrong.push(`transfer ${id} was told to be rolled back and is there`);
    }
    return wrong;
  }

  /** Prepared anywhere, in sentences. */
  async prepared(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const group of this.groups)
      for (const { gid } of await this.#read<{ gid: string }>(group, 'SELECT gid FROM pg_prepared_xacts'))
        found.push(`${group}: ${gid}`);
    if (this.maria)
      for (const row of await this.maria.server.query<{ data: string }>('XA RECOVER'))
        found.push(`${this.maria.name}: ${row.data}`);
    return found;
  }

  #work(id: string, number: number) {
    const random = (what: string) => createHash('sha256').update(`${id} ${what}`).digest().readUInt16BE(0);
    const amount = 1 + (random('amount') % 50);
    // The first place gives what the others get.
    return this.places.flatMap((resourceManager, index) => {
      const share = index === 0 ? -amount * (this.places.length - 1) : amount;
      const account = random(`account ${index} ${number}`) % accounts;
      return [
        {
          resourceManager,
          statement: `UPDATE bank_account SET balance = balance + (${share}) WHERE id = ${account}`,
          parameters: [],
          maxRows: 1,
        },
        {
          resourceManager,
          statement: `INSERT INTO bank_transfer VALUES ('${id}', ${share})`,
          parameters: [],
          maxRows: 1,
        },
      ];
    });
  }

  /** On a busy machine a group may be without a primary for a moment, also while nobody is killed. */
  #read<T>(place: string, sql: string): Promise<T[]> {
    return pollUntil(() => this.#run<T>(place, sql), {
      timeoutMs: 60_000,
      intervalMs: 200,
      what: `an answer of ${place}`,
    });
  }

  async #run<T>(place: string, sql: string): Promise<T[]> {
    if (place === this.maria?.name) return this.maria.server.query<T>(sql);
    return (await query(await this.cluster.service(`${place}-rw`), sql)) as T[];
  }
}
