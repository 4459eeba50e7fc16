/**
 * The subscribers of bench:events: N WebSockets that come back after a lost connection with the last id they saw, and count for themselves:
 * what arrived, twice or not at all, every gap, and how late. `subscribers.ts <json>`.
 */
import WebSocket from 'ws';

const { url, key, count } = JSON.parse(process.argv[2]!) as { url: string; key: string; count: number };

type Phase = 'steady' | 'burst' | 'restart';
type Subscriber = { last: number; lastId: string | null; socket: WebSocket | null };

/** Milliseconds, one bucket each; the last holds everything later. */
const buckets = 60_000;
const delays: Record<Phase, Uint32Array> = {
  steady: new Uint32Array(buckets),
  burst: new Uint32Array(buckets),
  restart: new Uint32Array(buckets),
};
const result = { received: 0, missing: 0, twice: 0, gaps: 0, reconnects: 0 };
const subscribers: Subscriber[] = [];
let greeted = 0;
let stopping = false;

function connect(subscriber: Subscriber): void {
  const search = subscriber.lastId === null ? '' : `?last_event_id=${subscriber.lastId}`;
  const socket = new WebSocket(`${url}/api/v1/ws/cluster/nodes${search}`, {
    headers: { 'X-API-Key': key },
    perMessageDeflate: false,
  });
  subscriber.socket = socket;
  socket.on('message', (data) => take(subscriber, parsed((data as Buffer).toString('latin1'))));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (stopping) return;
    result.reconnects++;
    setTimeout(() => connect(subscriber), 100 + Math.random() * 400);
  });
}

type Envelope = {
  event_type: string;
  event_id: string;
  payload: { n: number; sent_at: number; phase: Phase };
};

/** All sockets get the same bytes: parsed once, so that the counting side is not what is measured. */
const known = new Map<string, Envelope>();

function parsed(text: string): Envelope {
  const found = known.get(text);
  if (found) return found;
  if (known.size > 2000) known.clear();
  const envelope = JSON.parse(text) as Envelope;
  known.set(text, envelope);
  return envelope;
}

function take(subscriber: Subscriber, { event_type: type, event_id: id, payload }: Envelope): void {
  if (type === 'connected') {
    if (subscriber.lastId === null && ++greeted === count) process.send!({ kind: 'ready' });
    return;
  }
  if (type === 'gap') {
    result.gaps++;
    return;
  }
  subscriber.lastId = id;
  if (payload.n <= subscriber.last) {
    result.twice++;
    return;
  }
  result.missing += payload.n - subscriber.last - 1;
  subscriber.last = payload.n;
  result.received++;
  const late = Math.max(0, performance.timeOrigin + performance.now() - payload.sent_at);
  const histogram = delays[payload.phase];
  histogram[Math.min(buckets - 1, Math.floor(late))]!++;
}

function quantile(histogram: Uint32Array, share: number): number | null {
  const total = histogram.reduce((sum, one) => sum + one, 0);
  if (total === 0) return null;
  let seen = 0;
  for (let ms = 0; ms < histogram.length; ms++) {
    seen += histogram[ms]!;
    if (seen >= total * share) return ms + 1;
  }
  return null;
}

process.on('message', (message: { kind: 'report' | 'stop' }) => {
  if (message.kind === 'stop') {
    stopping = true;
    for (const { socket } of subscribers) socket?.terminate();
    process.exit(0);
  }
  const behind = subscribers.reduce((least, one) => Math.min(least, one.last), Number.POSITIVE_INFINITY);
  const late = Object.fromEntries(
    Object.entries(delays).map(([phase, histogram]) => [
      phase,
      { p50: quantile(histogram, 0.5), p99: quantile(histogram, 0.99), max: quantile(histogram, 1) },
    ]),
  );
  process.send!({ kind: 'report', ...result, behind, late });
});

for (let index = 0; index < count; index++) {
  const subscriber: Subscriber = { last: 0, lastId: null, socket: null };
  subscribers.push(subscriber);
  connect(subscriber);
  // A herd is another benchmark.
  if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 50));
}
