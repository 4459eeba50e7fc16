/** Every subscription of the registry over REST, tRPC and GraphQL: the same item, of the declared and documented shape. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlotEvents } from '@/engine/cluster/slot-events';
import { slot } from '@/engine/testing/slot-fixture';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { ResponseValidator } from '../testing/response-validator';
import { type Stream, streams } from '../testing/streams';
import { differences } from '../testing/surface-calls';
import { buildOpenApi } from './openapi/document';

const validator = new ResponseValidator(buildOpenApi() as Wire);
const subscriptions = allProcedures.filter((one) => one.kind === 'subscription');

let console: ConsoleFixture;
let lives = 0;
const slotEvents = new SlotEvents((event) => console.engine.emit(event));
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

/** Something for each of them to tell: an event, a node that changes, lag that grows, a slot that is left idle, a failover that takes a step. */
async function stir(): Promise<void> {
  console.engine.emit({ payload: { node_id: 'node-2' } });
  console.engine.change((view) => ({
    nodes: view.nodes.map((node) =>
      node.record.id === 'node-3'
        ? {
            ...node,
            status: node.status === 'healthy' ? ('degraded' as const) : ('healthy' as const),
            report: { ...node.report!, postgres: { ...node.report!.postgres!, replayLagMs: 5000 } },
          }
        : node,
    ),
    links: view.links.map((link) => ({ ...link, to: 'node-3', lagMs: 5000 + view.revision, lagBytes: 9_000_000 })),
  }));
  slotEvents.take({
    node: 'node-1',
    group: 'alpha',
    life: String(++lives),
    changes: [{ kind: 'inactive', slot: slot('feed'), at: 'now' }],
  });
  const body = { group: 'beta', mode: 'switchover' };
  await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'operator', body });
}

describe.each(subscriptions.map((one) => [one.name, one] as const))('%s', (_name, definition) => {
  it('gives the same item on every surface', async () => {
    const before = console.engine.listeners;
    const open: Record<string, Stream> = {};
    for (const [surface, opener] of Object.entries(streams)) {
      open[surface] = await opener(console.url, definition, definition.example as object, {
        'X-API-Key': console.keys.viewer,
      });
    }
    await stir();
    const items: Record<string, Wire> = {};
    for (const [surface, stream] of Object.entries(open)) {
      items[surface] = await stream.next();
      stream.close();
    }
    expect(definition.output.safeParse(items.REST).error?.issues).toBeUndefined();
    expect(validator.checkItem(`/api/v1${definition.rest!.path}`, items.REST)).toEqual([]);
    expect(differences(items.REST, items.tRPC, false), 'tRPC').toEqual([]);
    expect(differences(items.REST, items.GraphQL, false), 'GraphQL').toEqual([]);
    await expect.poll(() => console.engine.listeners).toBe(before);
  });
});
