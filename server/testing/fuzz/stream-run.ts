/**
 * Fuzzing of what stays open. Each stream is opened, written to, must still answer (or have refused in the declared form), and is left, politely or
 * not. Wrong is a 5xx, a hang, a code that stands for a defect, a leak of internals, and whatever the console still holds when all have left.
 */
import http from 'node:http';
import fc from 'fast-check';
import WebSocket from 'ws';
import type { Role } from '@/server/procedures/definition';
import { hangMs, wrongWith } from './check';
import type { Finding, FuzzTarget } from './run';
import { arbitraryOf, type Message, type StreamKind, type StreamRequest, streamKinds } from './stream-requests';

export type StreamReport = {
  readonly streams: number;
  /** What came of them, by kind: `answered`, `refused 4xx`, `closed <code>`. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
};

/** What the console holds for streams; the same before and after. */
export type Held = { readonly connections: number; readonly listeners: number; readonly streams: number };

type Options = {
  readonly streams: number;
  readonly seed: number;
  readonly concurrency?: number;
  readonly held: () => Held | Promise<Held>;
  readonly onProgress?: (done: number) => void | Promise<void>;
};

type Outcome = { readonly outcome: string; readonly texts: readonly string[]; readonly wrong: string | null };

const maxFindings = 20;
/** What Node takes is 16 KiB for the whole head. */
const maxHeadBytes = 15 * 1024;
const leftWithinMs = 10_000;
/** Closings that say "my fault". */
const defects = [1006, 1011, 4500];

export async function fuzzStreams(target: FuzzTarget, options: Options): Promise<StreamReport> {
  const outcomes: Record<string, number> = {};
  const findings: Finding[] = [];
  let slowestMs = 0;
  let next = 0;
  const before = await options.held();
  const worker = async () => {
    for (let number = next++; number < options.streams && findings.length < maxFindings; number = next++) {
      const kind = streamKinds[number % streamKinds.length]!;
      const { request, polite } = requestOf(target, kind, options.seed, number);
      const shown = shownOf(request);
      const startedAt = performance.now();
      const done =
        request.form === 'socket' ? await socket(target, request, polite) : await call(target, request, kind);
      const ms = performance.now() - startedAt;
      slowestMs = Math.max(slowestMs, ms);
      const key = `${kind} ${done.outcome}`;
      outcomes[key] = (outcomes[key] ?? 0) + 1;
      const what = done.wrong ?? leakIn(done.texts, shown);
      if (what !== null) findings.push({ number, what, request: shown.slice(0, 600) });
      if (number > 0 && number % 1000 === 0) await options.onProgress?.(number);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 8 }, worker));
  const left = await leftOver(before, options.held);
  if (left !== null) findings.push({ number: -1, what: left, request: 'all of them' });
  const streams = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return { streams, outcomes, slowestMs, findings };
}

function requestOf(target: FuzzTarget, kind: StreamKind, seed: number, number: number) {
  const draw = <T>(arbitrary: fc.Arbitrary<T>, salt: number) =>
    fc.sample(arbitrary, { numRuns: 1, seed: seed + number * 7 + salt })[0]!;
  const role = draw(fc.constantFrom<Role>('viewer', 'operator', 'admin'), 1);
  return { request: draw(arbitraryOf(kind, target.keys[role]), 0), polite: draw(fc.boolean(), 2) };
}

function socket(
  target: FuzzTarget,
  request: Extract<StreamRequest, { form: 'socket' }>,
  polite: boolean,
): Promise<Outcome> {
  const client = new WebSocket(target.url.replace(/^http/, 'ws') + request.path, request.protocol ?? [], {
    headers: request.headers,
  });
  return new Promise((resolve) => {
    const texts: string[] = [];
    const end = (outcome: string, wrong: string | null) => {
      clearTimeout(timer);
      client.removeAllListeners();
      client.on('error', () => undefined);
      if (polite) client.close();
      else client.terminate();
      resolve({ outcome, texts, wrong });
    };
    const timer = setTimeout(() => end('hung', `no answer to the last message within ${hangMs} ms`), hangMs);
    let waits = request.awaitsAnswer;
    const sendRest = () => {
      waits = false;
      for (const message of [...request.messages, request.last]) client.send(message);
    };
    client.on('open', () => {
      for (const message of request.first) client.send(message);
      if (!waits) sendRest();
    });
    client.on('message', (data) => {
      const text = data.toString();
      if (texts.length < 200) texts.push(text);
      const message = parsed(text);
      if (message === null) end('nonsense', `sent what is no JSON: ${text.slice(0, 200)}`);
      else if (waits) sendRest();
      else if (request.isLast(message)) end('answered', null);
    });
    client.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      end(`refused ${status}`, status >= 500 ? `refused with ${status}` : null);
    });
    client.on('close', (code, reason) => {
      const wrong = defects.includes(code) ? `closed ${code} ${reason.toString()}` : null;
      texts.push(JSON.stringify({ error: reason.toString() }));
      end(`closed ${code}`, wrong);
    });
    client.on('error', () => undefined);
  });
}

/** Up to the first part of a stream, or the whole of another answer. Node's own client: fetch refuses to send an upgrade. */
function call(
  target: FuzzTarget,
  { path, init }: Extract<StreamRequest, { form: 'http' }>,
  kind: StreamKind,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = (outcome: string, text: string, wrong: string | null) => {
      clearTimeout(timer);
      request.destroy();
      resolve({ outcome, texts: [text], wrong });
    };
    const timer = setTimeout(() => end('hung', '', `no answer within ${hangMs} ms`), hangMs);
    const { hostname, port } = new URL(target.url);
    const request = http.request({
      hostname,
      port,
      path,
      method: init.method,
      headers: init.headers as http.OutgoingHttpHeaders,
      agent: false,
    });
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const streams = (response.headers['content-type'] ?? '').startsWith('text/event-stream');
      let text = '';
      const finish = () => end(status < 300 ? 'answered' : `refused ${status}`, text, wrongAnswer(status, text));
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (streams && text.includes('\n\n')) finish();
      });
      response.on('end', finish);
      response.on('error', () => undefined);
      // What streams may have nothing to tell yet.
      if (streams) setTimeout(finish, 50);
    });
    request.on('upgrade', (_response, opened) => {
      opened.destroy();
      end('upgraded', '', kind === 'upgrade' ? null : 'a stream of events was upgraded');
    });
    request.on('error', (error) => {
      // Node answers a head above its limit with 431 and closes with the rest unread; the reset may overtake the answer.
      if (path.length > maxHeadBytes) end('refused 431', '', null);
      else end('cut', '', `cut without an answer: ${error.message}`);
    });
    request.end(init.body ?? undefined);
  });
}

function wrongAnswer(status: number, text: string): string | null {
  return wrongWith({ status, text, ms: 0 }, '');
}

/** Only what refuses is looked at: what a stream tells may name anything. */
function leakIn(texts: readonly string[], shown: string): string | null {
  for (const text of texts) {
    if (!/"(?:error|errors)"|event: error|"event_type":"error"/.test(text)) continue;
    const what = wrongWith({ status: 400, text, ms: 0 }, shown);
    if (what !== null) return what;
  }
  return null;
}

async function leftOver(before: Held, held: Options['held']): Promise<string | null> {
  const deadline = performance.now() + leftWithinMs;
  for (;;) {
    const now = await held();
    const more = (Object.keys(before) as (keyof Held)[]).filter((key) => now[key] > before[key]);
    if (more.length === 0) return null;
    if (performance.now() > deadline)
      return `left open: ${more.map((key) => `${key} ${before[key]} → ${now[key]}`).join(', ')}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function shownOf(request: StreamRequest): string {
  if (request.form === 'http')
    return `${request.init.method} ${request.path} ${JSON.stringify(request.init.headers)} ${String(request.init.body ?? '')}`;
  const messages = [...request.first, ...request.messages].map((one) =>
    typeof one === 'string' ? one : `<${one.toString('hex')}>`,
  );
  return `WebSocket ${request.path} ${messages.join(' | ')}`;
}

function parsed(text: string): Message | null {
  try {
    return JSON.parse(text);
  } catch {
    return text === 'PING' || text === 'PONG' ? {} : null;
  }
}
