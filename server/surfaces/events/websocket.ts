/**
 * Events over RustyDB's WebSockets: greeting, filters, resume. Each event is serialised once, whoever listens. A slow client is bounded:
 * above the limit its events are left out and a gap says so when it has caught up.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { Identity } from '@/server/auth/api';
import type { RateLimits } from '@/server/auth/rate-limits';
import type { EngineClient, EventItem } from '@/server/engine-client/api';
import { errorBody, toClusterError } from '@/server/errors/wire';
import { mayRead, ReadingPosition, requireEventId, resumeAfter } from '@/server/procedures/shared/event-stream';
import { withLocalNames } from '@/server/procedures/shared/local-node';
import { presentEvent, presentGap } from '@/server/procedures/shared/present-event';
import type { Services } from '../calls';
import type { Channel, Matcher } from './channels';
import { textFrame, writeTogether } from './frame';

/** Bytes that may wait for a client before its events are left out, and below which it gets them again. */
const highWaterBytes = 1024 * 1024;
const lowWaterBytes = 64 * 1024;

const serialised = new WeakMap<EngineEvent, Buffer>();

/** Made once, sent to everybody. */
function frameOf(event: EngineEvent): Buffer {
  const known = serialised.get(event);
  if (known !== undefined) return known;
  const frame = textFrame(JSON.stringify(presentEvent(event)));
  serialised.set(event, frame);
  return frame;
}

/** Whose events these are: `engine` already shows this identity's part of the cluster. */
export type EventCaller = {
  readonly engine: EngineClient;
  readonly identity: Identity;
  readonly requestId: string;
  readonly clientAddress: string;
};

export function serveEventSocket(
  services: Services,
  channel: Channel,
  socket: WebSocket,
  request: IncomingMessage,
  caller: EventCaller,
): void {
  const reader = new EventReader(caller, channel, socket, request.socket, services.gate.limits);
  const last = new URL(request.url ?? '/', 'http://console').searchParams.get('last_event_id');
  const closed = services.gate.metrics.streamOpened('websocket');
  socket.on('message', (data) => reader.onMessage(data.toString()));
  socket.once('close', () => {
    reader.close();
    closed();
  });
  reader.start(last);
}

class EventReader {
  #matches: Matcher;
  #unsubscribe: (() => void) | null = null;
  /** First event that was left out; null while the client keeps up. */
  #leftOutFrom: string | null = null;
  #lastSent: string | null = null;
  #handled: Promise<void> = Promise.resolve();
  readonly #position = new ReadingPosition(null);

  constructor(
    private readonly caller: EventCaller,
    private readonly channel: Channel,
    private readonly socket: WebSocket,
    private readonly transport: Duplex,
    private readonly limits: RateLimits,
  ) {
    this.#matches = channel.matcher({});
  }

  start(lastEventId: string | null): void {
    const { message, availableEvents } = this.channel;
    const timestamp = Math.floor(Date.now() / 1000);
    this.#send(JSON.stringify({ event_type: 'connected', message, available_events: availableEvents, timestamp }));
    this.#unsubscribe = this.caller.engine.onEvent((item) => this.#take(item));
    if (lastEventId !== null) void this.#guarded(() => this.#replay(lastEventId));
  }

  close(): void {
    this.#unsubscribe?.();
  }

  /** One after the other, and a call like any other: a filter with `last_event_id` may bring the whole buffer again. */
  onMessage(text: string): void {
    const { identity, clientAddress } = this.caller;
    this.#handled = this.#handled.then(async () => {
      await this.#guarded(() => this.limits.consume('read', identity, clientAddress).then(() => this.#filterBy(text)));
    });
  }

  #filterBy(text: string): void {
    const filter = this.#parse(text);
    this.#matches = this.channel.matcher(filter);
    if (filter.last_event_id !== undefined) this.#replay(filter.last_event_id);
  }

  /** What the client sent wrong is told; the filter before stays in force. */
  async #guarded(act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (thrown) {
      const error = errorBody(toClusterError(thrown), this.caller.requestId);
      this.#send(JSON.stringify({ event_type: 'error', ...error }));
    }
  }

  #parse(text: string): { last_event_id?: string | undefined } {
    let raw: unknown;
    try {
      raw = JSON.parse(text);
    } catch {
      throw new ClusterError('INVALID_INPUT', 'The filter is not valid JSON');
    }
    const parsed = this.channel.filter.safeParse(raw);
    if (parsed.success) {
      return withLocalNames(parsed.data as { last_event_id?: string }, () => this.caller.engine.current().view);
    }
    const issue = parsed.error.issues[0];
    if (issue?.code === 'unrecognized_keys') {
      const known = Object.keys(this.channel.filter.shape).join(', ');
      throw new ClusterError('INVALID_INPUT', `Unknown field: ${issue.keys[0]}; known are ${known}`);
    }
    const field = issue?.path.join('.') || 'The filter';
    throw new ClusterError('INVALID_INPUT', `${field}: ${issue?.message ?? 'not valid'}`);
  }

  #replay(lastEventId: string): void {
    const after = requireEventId(lastEventId);
    if (after === null) return;
    for (const item of resumeAfter(this.caller.engine, this.#position, after)) this.#take(item);
  }

  #take(item: EventItem): void {
    const news = this.#position.take(item);
    if (news === null) return;
    if (news.kind === 'gap') {
      this.#gap(news.from, news.to);
      return;
    }
    const { event } = news;
    if (!this.#matches(event) || !mayRead(event, this.caller.identity)) return;
    if (this.#leftOutFrom !== null && this.socket.bufferedAmount > lowWaterBytes) return;
    if (this.#leftOutFrom !== null) {
      this.#gap(this.#leftOutFrom, event.eventId);
      this.#leftOutFrom = null;
    } else if (this.socket.bufferedAmount > highWaterBytes) {
      this.#leftOutFrom = this.#lastSent ?? event.eventId;
      return;
    }
    this.#lastSent = event.eventId;
    if (this.socket.readyState === this.socket.OPEN) writeTogether(this.transport, frameOf(event));
  }

  #gap(from: string, to: string): void {
    this.#send(JSON.stringify(presentGap(from, to)));
  }

  #send(text: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(text);
  }
}
