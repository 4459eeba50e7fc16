/** Operations are paged through store and archives with one cursor: none twice, none left out. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClusterError } from '../kernel/errors';
import type { Operation } from './model';
import { OperationArchive } from './operation-archive';
import { OperationHistory } from './operation-history';
import { newOperationId } from './operation-id';

let root: string;
let archives: Map<string, OperationArchive>;
/** Fail when asked, and not even asked. */
let silent: Set<string>;
let gone: Set<string>;
let records: { node: string; oldest: string; newest: string }[];
let asked: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rustydb-history-'));
  archives = new Map(['node-1', 'node-2'].map((id) => [id, new OperationArchive(join(root, id))]));
  silent = new Set();
  gone = new Set();
  records = [];
  asked = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** One a day from the first of January on: several months, so several files. */
const operations = Array.from({ length: 100 }, (_, day): Operation => {
  const ms = Date.UTC(2026, 0, 1 + day);
  const kind = day % 2 === 0 ? 'failover' : 'maintenance';
  const fields = {
    id: newOperationId(ms),
    createdAt: new Date(ms).toISOString(),
    kind,
    group: 'alpha',
    state: 'succeeded',
  };
  return fields as unknown as Operation;
});

function history(stored: readonly Operation[]): OperationHistory {
  return new OperationHistory({
    stored: () => stored,
    archives: () => [...archives.keys()].filter((node) => !gone.has(node)),
    known: () => records,
    archived: async (node, params) => {
      asked++;
      if (silent.has(node)) throw new ClusterError('UNAVAILABLE', `${node} is down`);
      return archives.get(node)!.list(params);
    },
  });
}

const filter = { before: null, group: null, kinds: null, states: null };
async function pages(of: OperationHistory, limit: number, more: { kinds?: readonly string[] } = {}): Promise<string[]> {
  const ids: string[] = [];
  let before: string | null = null;
  do {
    const page: Awaited<ReturnType<OperationHistory['list']>> = await of.list({ ...filter, ...more, limit, before });
    expect(page.operations.length).toBeLessThanOrEqual(limit);
    ids.push(...page.operations.map((operation) => operation.id));
    before = page.next;
  } while (before !== null);
  return ids;
}
const newest = (of: readonly Operation[]) => of.map((operation) => operation.id).reverse();

it.each([1, 7, 20, 100, 500])('pages of %i go through everything once, whoever archived it', async (limit) => {
  await archives.get('node-1')!.append(operations.slice(0, 30));
  await archives.get('node-2')!.append(operations.slice(30, 72));
  // Two of a batch that was appended and not yet deleted when the leader died.
  expect(await pages(history(operations.slice(70)), limit)).toEqual(newest(operations));
});

it('filters the same in both', async () => {
  await archives.get('node-1')!.append(operations.slice(0, 60));
  const failovers = operations.filter((operation) => operation.kind === 'failover');
  expect(await pages(history(operations.slice(60)), 9, { kinds: ['failover'] })).toEqual(newest(failovers));
});

it('reads no archive for a page that the store fills', async () => {
  const page = await history(operations).list({ ...filter, limit: 10 });
  expect([page.operations.length, asked]).toEqual([10, 0]);
});

async function archive(node: string, of: readonly Operation[]): Promise<void> {
  await archives.get(node)!.append(of);
  records.push({ node, oldest: of[0]!.id, newest: of.at(-1)!.id });
}

it.each(['silent', 'gone'] as const)(
  'leaves out what lies on a node that is %s, nothing else, and says so',
  async (how) => {
    await archive('node-1', operations.slice(0, 30));
    await archive('node-2', operations.slice(30, 70));
    (how === 'silent' ? silent : gone).add('node-1');
    const of = history(operations.slice(70));
    expect(await pages(of, 20)).toEqual(newest(operations.slice(30)));
    // The store fills the first page: nothing of the archives belongs to it.
    expect(await of.list({ ...filter, limit: 20 })).toMatchObject({ missing: [] });
    expect(await of.list({ ...filter, limit: 20, before: operations[75]!.id })).toMatchObject({ missing: ['node-1'] });
    // Before the oldest that node-1 holds nothing can be missing.
    expect(await of.list({ ...filter, limit: 20, before: operations[0]!.id })).toMatchObject({ missing: [] });
  },
);

it('does not call an operation unknown that may lie on a node that is down', async () => {
  await archive('node-1', operations.slice(0, 30));
  gone.add('node-1');
  await expect(history([]).find(operations[3]!.id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await history([]).find(operations[40]!.id)).toBeNull();
});

it('finds one by its id, wherever it is, and is not misled by a line that a crash cut short', async () => {
  await archives.get('node-2')!.append(operations.slice(0, 3));
  appendFileSync(join(root, 'node-2', 'operations-2026-01.jsonl'), JSON.stringify(operations[3]).slice(0, 40));
  await archives.get('node-2')!.append(operations.slice(3, 6));
  for (const operation of operations.slice(0, 6))
    expect(await history([]).find(operation.id)).toMatchObject({ id: operation.id });
  expect(await history([]).find(newOperationId(0))).toBeNull();
});
