/**
 * `npm run bench:xa`: what the coordinator costs over hand-written two-phase commit. One transfer updates a row in each of two groups; hand-written one after the
 * other, hand-written with both sides at the same time, and by `xa.start` with its work and its commit in one request. Alternating in one run, one client
 * for latency and sixteen for throughput. Sums and pg_prepared_xacts are checked afterwards. `--rounds 4 --seconds 4`.
 */
import { parseArgs } from 'node:util';
import pg from 'pg';
import { query } from '../engine/testing/member-check';
import type { RealCluster } from '../engine/testing/real-cluster';
import { groups, openXaScene } from '../engine/testing/xa/scene';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { median, percentile } from './measure/statistics';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '4' }, seconds: { type: 'string', default: '4' } },
});
const rows = 10_000;
const opening = 1_000;
const many = 16;
const requester = { by: 'bench', reason: null, requestId: null, admin: true };

type Transfer = (from: number, to: number, name: string) => Promise<void>;
type Way = { readonly name: string; worker(): Promise<{ transfer: Transfer; close(): Promise<void> }> };

async function main(cluster: RealCluster): Promise<void> {
  for (const group of groups) {
    const login = await cluster.service(`${group}-rw`);
    await query(login, 'CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)');
    await query(login, `INSERT INTO account SELECT n, ${opening} FROM generate_series(1, ${rows}) AS n`);
  }
  const ways: readonly Way[] = [
    { name: 'hand-written, in turn', worker: () => byHand(cluster, inTurn) },
    { name: 'hand-written, at once', worker: () => byHand(cluster, atOnce) },
    { name: 'coordinator', worker: () => byCoordinator(cluster) },
  ];
  const latencies = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  const rates = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (const way of ways) await run(way, 1, 1_000);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const way of ways) latencies.get(way.name)!.push(...(await run(way, 1, Number(options.seconds) * 1000)));
    for (const way of ways) {
      const done = await run(way, many, Number(options.seconds) * 1000);
      rates.get(way.name)!.push(done.length / Number(options.seconds));
    }
    say(`round ${round + 1} of ${options.rounds}`);
  }
  await check(cluster);
  const [turn] = ways;
  const p50 = (name: string) => percentile(latencies.get(name)!, 0.5);
  const rate = (name: string) => median(rates.get(name)!);
  const shown = ways.map(({ name }) => ({
    name,
    p50: p50(name),
    p95: percentile(latencies.get(name)!, 0.95),
    rate: rate(name),
  }));
  const head = [
    'way',
    'p50 ms',
    'p95 ms',
    'p50 ÷ in turn',
    'p50 ÷ at once',
    `per second, ${many} clients`,
    '÷ in turn',
    '÷ at once',
  ];
  const cells = shown.map(({ name, p50: ms, p95, rate: perSecond }) => [
    name,
    ms.toFixed(1),
    p95.toFixed(1),
    (ms / p50(turn!.name)).toFixed(2),
    (ms / p50(ways[1]!.name)).toFixed(2),
    Math.round(perSecond),
    (perSecond / rate(turn!.name)).toFixed(2),
    (perSecond / rate(ways[1]!.name)).toFixed(2),
  ]);
  console.log(table(head, cells));
  console.log(saveJson('xa', { machine: machineFacts(), shown }));
}

/** Milliseconds of each transfer that ended in time. */
async function run(way: Way, clients: number, ms: number): Promise<number[]> {
  const workers = await Promise.all(Array.from({ length: clients }, () => way.worker()));
  const end = performance.now() + ms;
  const done: number[] = [];
  await Promise.all(
    workers.map(async ({ transfer }, worker) => {
      for (let number = 0; performance.now() < end; number++) {
        const begun = performance.now();
        // Of its own for each worker: what is measured is not waiting for each other's rows.
        const account = 1 + worker * 600 + (number % 600);
        await transfer(account, account, `${way.name}-${worker}-${number}-${Math.round(begun)}`);
        done.push(performance.now() - begun);
      }
    }),
  );
  await Promise.all(workers.map(({ close }) => close()));
  return done;
}

async function byHand(
  cluster: RealCluster,
  how: (clients: readonly pg.Client[], ids: readonly number[], gid: string) => Promise<void>,
) {
  const clients = await Promise.all(
    groups.map(async (group) => new pg.Client(await cluster.direct(await (await cluster.door()).primary(group)))),
  );
  await Promise.all(clients.map((client) => client.connect()));
  return {
    transfer: (from: number, to: number, name: string) => how(clients, [from, to], name),
    close: async () => {
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

const update = (index: number) => `UPDATE account SET balance = balance ${index === 0 ? '-' : '+'} 1 WHERE id = $1`;

async function inTurn(clients: readonly pg.Client[], ids: readonly number[], gid: string): Promise<void> {
  for (const [index, client] of clients.entries()) {
    await client.query('BEGIN');
    await client.query(update(index), [ids[index]]);
  }
  for (const client of clients) await client.query(`PREPARE TRANSACTION '${gid}'`);
  for (const client of clients) await client.query(`COMMIT PREPARED '${gid}'`);
}

async function atOnce(clients: readonly pg.Client[], ids: readonly number[], gid: string): Promise<void> {
  await Promise.all(
    clients.map(async (client, index) => {
      await client.query('BEGIN');
      await client.query(update(index), [ids[index]]);
      await client.query(`PREPARE TRANSACTION '${gid}'`);
    }),
  );
  await Promise.all(clients.map((client) => client.query(`COMMIT PREPARED '${gid}'`)));
}

async function byCoordinator(cluster: RealCluster) {
  const door = await cluster.door();
  const node = await door.primary(groups[0]);
  const branches = groups.map((resourceManager) => ({ resourceManager, mode: 'managed' as const }));
  return {
    transfer: async (from: number, to: number) => {
      const work = groups.map((resourceManager, index) => ({
        resourceManager,
        statement: update(index),
        parameters: [index === 0 ? from : to],
        maxRows: 1,
      }));
      await door.connection.requestNode(
        node,
        'xa.start',
        { xid: null, branches, timeoutMs: 30_000, work, commit: true, requester },
        30_000,
      );
    },
    close: async () => undefined,
  };
}

async function check(cluster: RealCluster): Promise<void> {
  let sum = 0;
  for (const group of groups) {
    const login = await cluster.service(`${group}-rw`);
    sum += Number((await query<{ sum: string }>(login, 'SELECT sum(balance) FROM account'))[0]!.sum);
    const left = await query(login, 'SELECT FROM pg_prepared_xacts');
    if (left.length > 0) throw new Error(`${group} still holds ${left.length} prepared transactions`);
  }
  if (sum !== groups.length * rows * opening) throw new Error(`the balances add up to ${sum}`);
}

say(machineLine(machineFacts()));
const { cluster, destroy } = await openXaScene();
await main(cluster).finally(destroy);
