/** A controller lists operations of every archive; while the node of one is away, the answer names it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import type { Operation } from '../operations/model';
import { OperationArchive } from '../operations/operation-archive';
import { newOperationId } from '../operations/operation-id';
import { SimulatedWorld } from '../testing/simulated-agents';
import { keys } from './model';

const directory = mkdtempSync(join(tmpdir(), 'rustydb-archives-'));
let world: SimulatedWorld | null = null;
afterEach(async () => {
  await world?.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

const everything = { limit: 100, before: null, group: null, kinds: null, states: null };

it('names the node while it is away, and calls nothing unknown that it may hold', async () => {
  const of = new SimulatedWorld({ archiveDirectory: directory });
  world = of;
  of.start();
  const at = Date.UTC(2026, 0, 1);
  const old = {
    id: newOperationId(at),
    createdAt: new Date(at).toISOString(),
    kind: 'maintenance',
    state: 'succeeded',
  };
  await new OperationArchive(join(directory, 'node-2')).append([old as unknown as Operation]);
  of.store.put(keys.operationArchive('node-2'), { oldest: old.id, newest: old.id });
  const list = () => of.leader.handle('operation.list', everything);
  const heard = (missing: readonly string[]) =>
    pollUntil(async () => ((await list()).missing?.join() === missing.join() ? true : undefined), {
      timeoutMs: 10_000,
      intervalMs: 20,
      what: `missing: ${missing}`,
    });

  await heard([]);
  expect((await list()).operations.map((one) => one.id)).toEqual([old.id]);
  expect(await of.leader.handle('operation.get', { id: old.id })).toMatchObject({ id: old.id });

  of.nodes.get('node-2')!.alive = false;
  await heard(['node-2']);
  expect((await list()).operations).toEqual([]);
  await expect(of.leader.handle('operation.get', { id: old.id })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { reasons: [{ rule: 'archive-answers', node: 'node-2' }] },
  });
  expect(await of.leader.handle('operation.get', { id: newOperationId(at + 1_000) })).toBeNull();

  of.nodes.get('node-2')!.alive = true;
  await heard([]);
});
