/** A node that was added is there for whoever asks for it next: the answer waits until this console's view has it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '@/server/testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

const add = (node_id: string) =>
  console.json('/api/v1/cluster/nodes', { method: 'POST', role: 'operator', body: { node_id, group: 'alpha' } });

/** Once the operation has begun. */
function onceBegun(then: (id: string) => void): void {
  const unsubscribe = console.engine.onView(() => {
    const begun = console.engine.view.operations.at(-1);
    if (begun?.kind !== 'add-node' || begun.finishedAt !== null) return;
    unsubscribe();
    queueMicrotask(() => then(begun.id));
  });
}

it('is visible when the answer comes', async () => {
  const before = console.engine.listeners;
  onceBegun(() =>
    console.engine.change((view) => {
      const { record, ...rest } = view.nodes[1]!;
      const added = { ...rest, record: { ...record, id: 'node-9' }, status: 'initializing' as const, report: null };
      return { nodes: [...view.nodes, added] };
    }),
  );
  expect((await add('node-9')).status).toBe(202);
  const { status, body } = await console.json('/api/v1/cluster/nodes/node-9');
  expect([status, body.status]).toEqual([200, 'initializing']);
  expect(console.engine.listeners).toBe(before);
});

it('is not waited for when its operation ended', async () => {
  onceBegun((id) => console.engine.finish(id, { state: 'failed' }));
  expect((await add('node-10')).status).toBe(202);
  expect((await console.json('/api/v1/cluster/nodes/node-10')).status).toBe(404);
});
