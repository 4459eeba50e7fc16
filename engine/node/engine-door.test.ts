/** The door's streams follow the leadership: refused elsewhere with the leader's name, and ended when it is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Controller } from '../cluster/controller';
import { EngineConnection } from '../interconnect/engine-connection';
import { eventually, Mesh, testCluster, testSecret } from '../interconnect/testing/mesh';
import type { NodeId } from '../kernel/ids';
import type { ViewItem } from '../runtime/engine-api';
import { MemoryStore } from '../testing/memory-store';
import { EngineDoor, type EngineDoorOptions } from './engine-door';

const logger = pino({ level: 'silent' });
const nodes = ['node-1', 'node-2', 'node-3'] as const;
let directory: string;
let mesh: Mesh;
let store: MemoryStore;
let connection: EngineConnection;
const controllers: Controller[] = [];

async function serve(id: NodeId): Promise<void> {
  const interconnect = await mesh.node(id);
  const member = store.as(id);
  const controller = new Controller({
    self: id,
    store: member,
    interconnect,
    logger,
    archiveDirectory: directory,
    rehearsalEnabled: false,
    command: () => Promise.reject(new Error('no commands here')),
  });
  controllers.push(controller);
  const context = { interconnect, store: member, config: { nodeId: id } };
  new EngineDoor({
    context,
    controller,
    routes: {},
    resources: {},
    faults: interconnect,
  } as unknown as EngineDoorOptions);
  controller.start();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-door-'));
  mesh = new Mesh();
  store = new MemoryStore();
  for (const id of nodes) await serve(id);
  store.lead('node-3');
  connection = new EngineConnection({
    kind: 'console',
    name: 'test',
    clusterId: testCluster,
    secret: testSecret,
    seeds: nodes.map((nodeId) => ({ nodeId, ...mesh.addresses.get(nodeId)! })),
    logger,
  });
  await connection.start();
});
afterEach(async () => {
  await connection.stop();
  for (const controller of controllers.splice(0)) await controller.stop();
  await mesh.stop();
  rmSync(directory, { recursive: true, force: true });
});

it('moves view and events to the new leader at once, and back', async () => {
  const views: NodeId[] = [];
  const leaders: unknown[] = [];
  const interruptions: boolean[] = [];
  await eventually('all are connected', () => connection.connectedNodes().length === 3);
  connection.openStream(
    'view.stream',
    {},
    {
      onItem: (item: ViewItem, from) => void (item.kind === 'full' && views.push(from)),
      onInterrupted: (interrupted) => interruptions.push(interrupted),
    },
  );
  connection.openStream(
    'event.stream',
    { after: '0' },
    {
      onItem: (item) =>
        void (item.kind === 'event' && item.event.eventType === 'leader_elected' && leaders.push(item.event.payload)),
    },
  );
  await eventually('the leader serves', () => views.length === 1 && leaders.length === 1);
  interruptions.length = 0;
  const deposedAt = performance.now();
  store.lead('node-1');
  await eventually('the next leader serves', () => views.length === 2 && leaders.length === 2);
  expect(performance.now() - deposedAt).toBeLessThan(1_000);
  store.lead('node-2');
  await eventually('the one after it serves', () => views.length === 3 && leaders.length === 3);
  expect(views).toEqual(['node-3', 'node-1', 'node-2']);
  expect(leaders).toMatchObject([{ leader: 'node-3' }, { leader: 'node-1' }, { leader: 'node-2' }]);
  expect(interruptions).toEqual([true, false, true, false]);
});
