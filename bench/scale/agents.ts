/**
 * Many simulated agents in one process: each with an interconnect of its own (handshake, pings, one connection to each control store and one from
 * each), sending a real report as often as a real agent does in a cluster of that size and, as a primary, renewing its group's lease as often as a real agent does. Each is a learner of the
 * control store that acknowledges what the leader sends and keeps nothing. Argument: JSON {from, to, nodes, stores, quiet}.
 */

import type { Message } from '../../engine/control/raft/core/model';
import { TcpInterconnect } from '../../engine/interconnect/tcp-interconnect';
import { createLogger } from '../../engine/kernel/log';
import { progressGapMs, reportMs } from '../../engine/node/core/report-pace';
import { clusterId, groupOf, isPrimary, nodeId, report, type StoreAddress, secret } from './plan';

type AgentsOptions = {
  readonly from: number;
  readonly to: number;
  readonly nodes: number;
  readonly stores: readonly StoreAddress[];
  /** Share of nodes without load: they report once a second, as real agents do. */
  readonly quiet: number;
};

const renewMs = 250;
const options = JSON.parse(process.argv[2] ?? '{}') as AgentsOptions;
const logger = createLogger('scale-agents');
logger.level = 'error';
const startedAt = new Date().toISOString();
let leader = options.stores[0]?.id ?? '';
let term = 0;
let appends = 0;
let renewals = 0;
let refused = 0;

// The benchmark may be killed: nothing of it stays.
process.on('disconnect', () => process.exit());
process.on('message', (message: { kind: string }) => {
  if (message.kind === 'busy') process.send?.({ kind: 'busy', renewals, refused, appends });
});

async function agent(index: number): Promise<number> {
  const id = nodeId(index);
  const interconnect = new TcpInterconnect({
    self: { name: `node:${id}`, kind: 'node', nodeId: id, incarnation: `life-${index}` },
    clusterId,
    secret,
    listen: { host: '127.0.0.1', port: 0 },
    logger,
  });
  for (const store of options.stores) interconnect.setPeer(store.id, { host: '127.0.0.1', port: store.port });
  interconnect.onMessage('raft', (payload) => learn(interconnect, payload as Message));
  const address = await interconnect.start();
  const every = index % 100 < options.quiet * 100 ? 4 * reportMs : progressGapMs(options.nodes);
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
  return address?.port ?? 0;
}

/** A learner's answers, without a log behind them; who sends is the leader, as a real agent learns it. */
function learn(interconnect: TcpInterconnect, message: Message): void {
  if ((message.kind !== 'append' && message.kind !== 'snapshot') || message.term < term) return;
  term = message.term;
  leader = message.from.id;
  appends++;
  const envelope = { from: message.to, to: message.from, term: message.term, round: message.round };
  const answer: Message =
    message.kind === 'append'
      ? {
          ...envelope,
          kind: 'append-answer',
          prevIndex: message.prevIndex,
          ok: true,
          match: message.prevIndex + message.entries.length,
        }
      : {
          ...envelope,
          kind: 'snapshot-answer',
          index: message.index,
          nextOffset: message.offset + message.chunk.length,
          installed: message.last,
          match: message.index,
        };
  interconnect.send(message.from.id, 'raft', answer);
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

const ports: Record<string, number> = {};
for (let index = options.from; index < options.to; index++) {
  ports[nodeId(index)] = await agent(index);
  // Handshakes are bounded at the other end.
  if (index % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 100));
}
process.send?.({ kind: 'started', ports });
