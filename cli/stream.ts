/** Server-sent events for a shell: goes on after a lost connection where it stopped, and says so when something is gone for good. */
import type { AnyDefinition } from '@/server/procedures/definition';
import { addressOf, CommandFailure, type Connection, failureOf, fetched, headersOf, mustBeOfType } from './client';
import { exitCodes } from './exit-codes';
import { pause } from './pause';

const againAfterMs = 1000;
/** The server says something at least every 15 s. */
const silentMs = 45_000;

/** Calls back for each item until the signal aborts. @throws CommandFailure when the server refuses */
export async function follow(
  connection: Connection,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  onItem: (item: unknown) => void,
): Promise<void> {
  const { path } = addressOf(definition, input);
  let lastId: string | null = null;
  for (let first = true; !signal.aborted; first = false) {
    try {
      lastId = await once(connection, path, lastId, signal, onItem);
    } catch (error) {
      if (signal.aborted) return;
      // Refused, or not there at all: trying again is for what was there and went away.
      if (error instanceof CommandFailure && (first || error.exitCode !== exitCodes.tryAgain)) throw error;
    }
    await pause(againAfterMs, signal);
  }
}

async function once(
  connection: Connection,
  path: string,
  lastId: string | null,
  signal: AbortSignal,
  onItem: (item: unknown) => void,
): Promise<string | null> {
  const gone = new AbortController();
  const stop = () => gone.abort();
  signal.addEventListener('abort', stop, { once: true });
  const silence = setTimeout(stop, silentMs);
  let last = lastId;
  try {
    const more: Record<string, string> = lastId === null ? {} : { 'Last-Event-ID': lastId };
    const response = await fetched(connection, path, { headers: headersOf(connection, more), signal: gone.signal });
    if (!response.ok) throw failureOf(connection, response.status, await response.text());
    mustBeOfType(connection, response, 'text/event-stream');
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      silence.refresh();
      text += decoder.decode(chunk, { stream: true });
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) last = take(connection, frame, onItem) ?? last;
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
  }
  return last;
}

/** The id of the frame, if it has one. */
function take(connection: Connection, frame: string, onItem: (item: unknown) => void): string | null {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1];
  const data = field('data');
  if (data === undefined) return null;
  if (field('event') === 'error') throw failureOf(connection, 503, data);
  onItem(JSON.parse(data));
  return field('id') ?? null;
}
