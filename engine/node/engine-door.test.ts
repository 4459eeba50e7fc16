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
import { systemLoop } from '../kernel/loop';
import { systemFiles } from '../kernel/small-files';
import type { ViewItem } from '../runtime/engine-api';
import { MemoryStore } from '../testing/memory-store';
import { EngineDoor, type EngineDoorOptions } from './engine-door';

/** What the doors log. */
const lines: string[] = [];
const logger = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
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
    loop: systemLoop,
    files: systemFiles,
    self: id,
    store: member,
    interconnect,
    logger,
    archiveDirectory: directory,
    command: () => Promise.reject(new Error('no commands here')),
  });
  controllers.push(controller);
  const postgres = { switchWal: async () => '0/2000000' };
  const context = { interconnect, store: member, config: { nodeId: id }, logger, postgres };
  new EngineDoor({
    areas: [],
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
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

it('logs under the caller’s request id what is asked of the leader and of a node, not what is only planned or read', async () => {
  await eventually('all are connected', () => connection.connectedNodes().length === 3);
  const requester = { by: 'user:ann', reason: null, requestId: 'req-7', admin: true };
  lines.length = 0;
  await connection.requestNode('node-2', 'node.wal.switch', { requester }, 1000);
  // There is no such group in this store: refused, and logged all the same.
  const put = connection.requestLeader('group.put', { group: 'none', patch: {}, requester }, 1000);
  await expect(put).rejects.toThrow();
  await connection.requestNode('node-2', 'raft.status', {}, 1000);
  const asked = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => 'requestId' in line);
  expect(asked).toMatchObject([
    { method: 'node.wal.switch', by: 'user:ann', requestId: 'req-7' },
    { method: 'group.put', by: 'user:ann', requestId: 'req-7' },
  ]);
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
  store.lead('node-1');
  await eventually('the next leader serves', () => views.length === 2 && leaders.length === 2);
  store.lead('node-2');
  await eventually('the one after it serves', () => views.length === 3 && leaders.length === 3);
  expect(views).toEqual(['node-3', 'node-1', 'node-2']);
  expect(leaders).toMatchObject([{ leader: 'node-3' }, { leader: 'node-1' }, { leader: 'node-2' }]);
  expect(interruptions).toEqual([true, false, true, false]);
});
