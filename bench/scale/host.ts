/**
 * One control-store member with the real interconnect, store, controller and engine's door, without a PostgreSQL of its own. Child process of
 * bench/scale.ts: argument: JSON {id, port, stores, nodes, directory}. Answers `busy` messages with its event loop's delay, `profile` writes a CPU
 * profile of the time since it was last asked.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Controller } from '../../engine/cluster/controller';
import { keys, type NodeReport } from '../../engine/cluster/model';
import { RaftControlStore } from '../../engine/control/raft/raft-store';
import type { Json, Mutation } from '../../engine/control/store';
import type { FaultDoor } from '../../engine/interconnect/fault-door';
import { TcpInterconnect } from '../../engine/interconnect/tcp-interconnect';
import { createLogger } from '../../engine/kernel/log';
import { systemLoop } from '../../engine/kernel/loop';
import { systemFiles } from '../../engine/kernel/small-files';
import { EngineDoor } from '../../engine/node/engine-door';
import type { NodeContext } from '../../engine/node/node-context';
import type { ResourceSampler } from '../../engine/node/resource-sampler';
import type { RouteTable } from '../../engine/node/route-table';
import { initialConfig } from '../../engine/node/seeding';
import { clusterId, groupRecord, isPrimary, nodeRecord, type StoreAddress, secret } from './plan';

type HostOptions = {
  readonly id: string;
  readonly port: number;
  readonly stores: readonly StoreAddress[];
  readonly nodes: number;
  readonly directory: string;
};

const batch = 200;
const options = JSON.parse(process.argv[2] ?? '{}') as HostOptions;
const logger = createLogger('scale', { node: options.id });
logger.level = process.env.RUSTYDB_LOG_LEVEL ?? 'error';
const incarnation = (id: string) => `store-${id}`;

const interconnect = new TcpInterconnect({
  self: { name: `node:${options.id}`, kind: 'node', nodeId: options.id, incarnation: incarnation(options.id) },
  clusterId,
  secret,
  listen: { host: '127.0.0.1', port: options.port },
  logger,
});
for (const store of options.stores)
  if (store.id !== options.id) interconnect.setPeer(store.id, { host: '127.0.0.1', port: store.port });

mkdirSync(join(options.directory, 'raft'), { recursive: true });
/** Simulated agents acknowledge and never vote: none of them may become a voter. */
class StoreOfThree extends RaftControlStore {
  override async promoteLearner(): Promise<void> {}
}
const store = new StoreOfThree({
  self: { id: options.id, incarnation: incarnation(options.id) },
  directory: join(options.directory, 'raft'),
  bootstrap: {
    voters: options.stores.map(({ id }) => ({ id, incarnation: incarnation(id) })),
    learners: Array.from({ length: options.nodes }, (_, index) => nodeRecord(index)).map(({ id, incarnation }) => ({
      id,
      incarnation,
    })),
  },
  interconnect,
  logger,
  timings: { heartbeatMs: 100, electionMs: 500, leaseMs: 2_000 },
  onFatal: (error) => {
    console.error(error);
    process.exit(1);
  },
});
const controller = new Controller({
  loop: systemLoop,
  files: systemFiles,
  self: options.id,
  store,
  interconnect,
  logger,
  archiveDirectory: options.directory,
  command: (node, command, params, timeoutMs) => interconnect.request(node, command, params, { timeoutMs }),
});
// Of its own node only what needs no PostgreSQL is ever asked here.
const absent = {} as const;
new EngineDoor({
  areas: [],
  context: {
    config: { nodeId: options.id, group: 'none' },
    logger,
    store,
    interconnect,
  } as unknown as NodeContext,
  controller,
  routes: { onChange: () => () => undefined } as unknown as RouteTable,
  resources: absent as unknown as ResourceSampler,
  faults: absent as unknown as FaultDoor,
});
let reports = 0;
interconnect.onMessage('agent.report', (payload) => {
  reports++;
  controller.ingest(payload as NodeReport);
});

async function seed(): Promise<void> {
  const put = (key: string, value: unknown): Mutation => ({ kind: 'put', key, value: value as Json });
  const indexes = Array.from({ length: options.nodes }, (_, index) => index);
  const firsts = indexes.filter(isPrimary);
  const config = initialConfig({ clusterName: 'scale', leaseMs: 2_000, groups: [], nodes: [] });
  const records = [
    put(keys.cluster, { clusterId, createdAt: new Date().toISOString() }),
    put(keys.config, { ...config, replicationFactor: 3, minQuorumSize: 2, autoFailover: false }),
    ...indexes.map((index) => put(keys.node(nodeRecord(index).id), nodeRecord(index))),
  ];
  for (let from = 0; from < records.length; from += batch)
    await store.txn({ compare: [], mutations: records.slice(from, from + batch) });
  // A group's first lease is granted with its record, as a candidate's agent does it.
  for (const first of firsts) {
    const record = groupRecord(first, options.nodes);
    await store.txn({
      compare: [],
      mutations: [put(keys.group(record.name), record)],
      grants: { group: record.name, epoch: 1, holder: record.primary as string },
    });
  }
}

const inspector = new Session();
let profiling = false;

async function profile(file: string): Promise<void> {
  if (profiling) {
    const { profile: taken } = await inspector.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(taken));
  } else {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.start');
  }
  profiling = !profiling;
  process.send?.({ kind: 'profiled' });
}

const delayHistogram = monitorEventLoopDelay({ resolution: 5 });
delayHistogram.enable();
// The benchmark may be killed: nothing of it stays.
process.on('disconnect', () => process.exit());
process.on('message', (message: { kind: string; ports?: Record<string, number>; file?: string }) => {
  for (const [id, port] of Object.entries(message.ports ?? {})) interconnect.setPeer(id, { host: '127.0.0.1', port });
  if (message.kind === 'profile') void profile(message.file as string);
  if (message.kind === 'seed') seed().then(() => process.send?.({ kind: 'seeded' }), console.error);
  if (message.kind !== 'busy') return;
  process.send?.({
    kind: 'busy',
    reports,
    loopP99Ms: delayHistogram.percentile(99) / 1e6,
    loopMaxMs: delayHistogram.max / 1e6,
    leader: store.isLeader(),
    sentence: controller.view().sentence,
    healthy: controller.view().nodes.filter((node) => node.status === 'healthy').length,
    connected: interconnect.connectedPeers().length - options.stores.length + 1,
    heapMB: Math.round(process.memoryUsage().rss / 2 ** 20),
  });
  delayHistogram.reset();
});

await interconnect.start();
await store.start();
controller.start();
process.send?.({ kind: 'started' });
