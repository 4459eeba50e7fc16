/**
 * Events over RustyDB's WebSockets: greeting, filters, resume. Each event is serialised once, whoever listens. A slow client is bounded:
 * above the limit its events are left out and a gap says so when it has caught up.
 */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { EngineClient, EventItem } from '@/server/engine-client/api';
import { errorBody, toClusterError } from '@/server/errors/wire';
import { presentEvent, presentGap } from '@/server/procedures/present/event';
import type { Services } from '../calls';
import type { Channel, Matcher } from './channels';

/** Bytes that may wait for a client before its events are left out, and below which it gets them again. */
const highWaterBytes = 1024 * 1024;
const lowWaterBytes = 64 * 1024;

const serialised = new WeakMap<EngineEvent, string>();

function textOf(event: EngineEvent): string {
  const known = serialised.get(event);
  if (known !== undefined) return known;
  const text = JSON.stringify(presentEvent(event));
  serialised.set(event, text);
  return text;
}

export function serveEventSocket(
  services: Services,
  channel: Channel,
  socket: WebSocket,
  request: IncomingMessage,
  requestId: string,
  engine: EngineClient,
): void {
  const reader = new EventReader(engine, channel, socket, requestId);
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

  constructor(
    private readonly engine: EngineClient,
    private readonly channel: Channel,
    private readonly socket: WebSocket,
    private readonly requestId: string,
  ) {
    this.#matches = channel.matcher({});
  }

  start(lastEventId: string | null): void {
    const { message, availableEvents } = this.channel;
    const timestamp = Math.floor(Date.now() / 1000);
    this.#send(JSON.stringify({ event_type: 'connected', message, available_events: availableEvents, timestamp }));
    this.#unsubscribe = this.engine.onEvent((item) => this.#take(item));
    this.#replay(lastEventId);
  }

  close(): void {
    this.#unsubscribe?.();
  }

  onMessage(text: string): void {
    try {
      const filter = this.#parse(text);
      this.#matches = this.channel.matcher(filter);
      if (filter.last_event_id !== undefined) this.#replay(filter.last_event_id);
    } catch (thrown) {
      // The filter before stays in force.
      const error = errorBody(toClusterError(thrown), this.requestId);
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
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
    throw new ClusterError('INVALID_INPUT', `${field}: ${issue?.message ?? 'not valid'}`);
  }

  #replay(after: string | null): void {
    for (const item of this.engine.eventsSince(after)) this.#take(item);
  }

  #take(item: EventItem): void {
    if (item.kind === 'gap') {
      this.#gap(item.from, item.to);
      return;
    }
    const { event } = item;
    if (!this.#matches(event)) return;
    if (this.#leftOutFrom !== null && this.socket.bufferedAmount > lowWaterBytes) return;
    if (this.#leftOutFrom !== null) {
      this.#gap(this.#leftOutFrom, event.eventId);
      this.#leftOutFrom = null;
    } else if (this.socket.bufferedAmount > highWaterBytes) {
      this.#leftOutFrom = this.#lastSent ?? event.eventId;
      return;
    }
    this.#lastSent = event.eventId;
    this.#send(textOf(event));
  }

  #gap(from: string, to: string): void {
    this.#send(JSON.stringify(presentGap(from, to)));
  }

  #send(text: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(text);
  }
}
