/**
 * Many simulated agents in one process: each with an interconnect of its own (handshake, pings, one connection to each control store), sending a real
 * report every 250 ms and, as a primary, renewing its group's lease as often as a real agent does. Argument: JSON {from, to, nodes, stores, quiet}.
 */
import { TcpInterconnect } from '../../engine/interconnect/tcp-interconnect';
import { createLogger } from '../../engine/kernel/log';
import { clusterId, groupOf, isPrimary, nodeId, report, type StoreAddress, secret } from './plan';

type AgentsOptions = {
  readonly from: number;
  readonly to: number;
  readonly nodes: number;
  readonly stores: readonly StoreAddress[];
  /** Share of nodes without load: they report once a second, as real agents do. */
  readonly quiet: number;
};

const reportMs = 250;
const renewMs = 250;
const options = JSON.parse(process.argv[2] ?? '{}') as AgentsOptions;
const logger = createLogger('scale-agents');
logger.level = 'error';
const startedAt = new Date().toISOString();
let leader = options.stores[0]?.id ?? '';
let renewals = 0;
let refused = 0;

// The benchmark may be killed: nothing of it stays.
process.on('disconnect', () => process.exit());
process.on('message', (message: { kind: string; leader?: string }) => {
  if (message.kind === 'leader') leader = message.leader ?? leader;
  if (message.kind === 'busy') process.send?.({ kind: 'busy', renewals, refused });
});

async function agent(index: number): Promise<void> {
  const id = nodeId(index);
  const interconnect = new TcpInterconnect({
    self: { name: `node:${id}`, kind: 'node', nodeId: id, incarnation: `life-${index}` },
    clusterId,
    secret,
    listen: null,
    logger,
  });
  for (const store of options.stores) interconnect.setPeer(store.id, { host: '127.0.0.1', port: store.port });
  await interconnect.start();
  const every = index % 100 < options.quiet * 100 ? 4 * reportMs : reportMs;
  let sequence = 0;
  setTimeout(
    () => {
      setInterval(() => {
        sequence++;
        const walBytes = 0x3000000 + sequence * 8192;
        interconnect.send(
          leader,
          'agent.report',
          report({ index, nodes: options.nodes, sequence, walBytes, startedAt }),
        );
      }, every);
      if (isPrimary(index)) setInterval(() => void renew(interconnect, index), renewMs);
    },
    Math.floor(Math.random() * every),
  );
}

async function renew(interconnect: TcpInterconnect, index: number): Promise<void> {
  const asked = { group: groupOf(index), epoch: 1, holder: nodeId(index) };
  try {
    const answer = await interconnect.request<{ ok: boolean }>(leader, 'store.renew', asked, { timeoutMs: 1_000 });
    if (answer.ok) renewals++;
    else refused++;
  } catch {
    refused++;
  }
}

for (let index = options.from; index < options.to; index++) {
  await agent(index);
  // Handshakes are bounded at the other end.
  if (index % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 100));
}
process.send?.({ kind: 'started' });
