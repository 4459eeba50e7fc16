import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { Operation } from '../operations/model';
import { OperationArchive } from '../operations/operation-archive';
import { newOperationId } from '../operations/operation-id';
import { cluster } from '../testing/cluster-fixture';
import { MemoryStore } from '../testing/memory-store';
import { ClusterState } from './cluster-state';
import { Janitor } from './janitor';
import { keys } from './model';

const directory = mkdtempSync(join(tmpdir(), 'rustydb-janitor-'));
let state: ClusterState | null = null;
afterEach(() => {
  state?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const life = (id: string, incarnation: string) => ({ id, incarnation });

/** Three members in their first life, and records that say which life each is in now. */
function fixture(lives: Readonly<Record<string, string>>) {
  const memory = new MemoryStore();
  const template = cluster().nodes;
  for (const id of ['node-1', 'node-2', 'node-3'])
    memory.put(keys.node(id), { ...template.get(id)!.record, incarnation: lives[id] ?? 'first' });
  memory.configuration = { voters: ['node-1', 'node-2', 'node-3'].map((id) => life(id, 'first')), learners: [] };
  memory.lead('node-1');
  const store = memory.as('node-1');
  const clock = { monotonic: () => 0, wall: () => 0 };
  const of = new ClusterState('node-1', store, clock, () => {});
  of.start();
  state = of;
  for (const node of template.values()) if (node.report) of.ingest({ ...node.report });
  const archive = new OperationArchive(directory);
  const janitor = new Janitor({
    self: 'node-1',
    store,
    state: of,
    archive,
    logger: pino({ level: 'silent' }),
    nowMs: () => 0,
  });
  return { memory, janitor, archive };
}

const finished = (ms: number) =>
  ({
    id: newOperationId(ms),
    createdAt: new Date(ms).toISOString(),
    kind: 'maintenance',
    steps: [],
    group: 'alpha',
    state: 'succeeded',
  }) as unknown as Operation;

it('tells the control store which node holds what was archived, from the first to the last', async () => {
  const { memory, janitor, archive } = fixture({});
  const operations = Array.from({ length: 1_070 }, (_, day) => finished(Date.UTC(2020, 0, 1 + day)));
  for (const operation of operations) memory.put(keys.operation(operation.id), operation);
  const record = () => memory.as('node-1').localList(keys.operationArchives);
  expect(record()).toEqual([]);
  await janitor.run();
  await janitor.run();
  const kept = memory.as('node-1').localList(keys.operations);
  expect(kept).toHaveLength(1_000);
  expect(record()).toMatchObject([
    { key: 'operation-archives/node-1', value: { oldest: operations[0]!.id, newest: operations[69]!.id } },
  ]);
  const all = { before: null, group: null, kinds: null, states: null, id: null, limit: 100 };
  expect(await archive.list(all)).toHaveLength(70);
});

describe('members of the control store', () => {
  it('replaces a voter whose node came back with a new directory, one change per run', async () => {
    const { memory, janitor } = fixture({ 'node-3': 'second' });
    const seen: string[] = [];
    for (let run = 0; run < 4; run++) {
      await janitor.run();
      const { voters, learners } = memory.configuration;
      const say = (members: typeof voters) => members.map((m) => `${m.id}:${m.incarnation}`).join(' ');
      seen.push(`${say(voters)} | ${say(learners)}`);
    }
    expect(seen).toEqual([
      'node-1:first node-2:first | ',
      'node-1:first node-2:first | node-3:second',
      'node-1:first node-2:first node-3:second | ',
      'node-1:first node-2:first node-3:second | ',
    ]);
  });

  it('leaves a node alone that an operation adds or removes', async () => {
    const { memory, janitor } = fixture({ 'node-3': 'second' });
    const before = memory.configuration;
    const operation = { id: 'op1', state: 'running', group: null, request: { kind: 'remove-node', node: 'node-3' } };
    memory.put(keys.operation('op1'), operation as unknown as Operation);
    await janitor.run();
    expect(memory.configuration).toEqual(before);
  });

  it('changes nothing while every record tells the life that is a member', async () => {
    const { memory, janitor } = fixture({});
    const before = memory.configuration;
    await janitor.run();
    expect(memory.configuration).toEqual(before);
  });
});
