/** A list as the file that the server makes of it, passed on as it comes. A transfer that is cut off is a failure, never a shorter list. */
import type { AnyDefinition } from '@/server/procedures/definition';
import { addressOf, CommandFailure, type Connection, failureOf, fetched, headersOf, mustBeOfType } from './client';
import { exitCodes } from './exit-codes';

/** `timeoutMs` of the connection bounds each silence, not the whole. */
export async function copyListFile(
  connection: Connection,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const silent = new AbortController();
  const timer = setTimeout(
    () => silent.abort(new DOMException('nothing came for too long', 'TimeoutError')),
    connection.timeoutMs,
  );
  try {
    const { path } = addressOf(definition, input);
    const response = await fetched(connection, path, {
      headers: headersOf(connection),
      signal: AbortSignal.any([silent.signal, signal]),
    });
    if (!response.ok) throw failureOf(connection, response.status, await response.text());
    mustBeOfType(connection, response, input.format === 'csv' ? 'text/csv' : 'application/x-ndjson');
    for await (const bytes of response.body ?? []) {
      timer.refresh();
      await write(bytes);
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure('The list was cut off: what was written is not all of it', exitCodes.tryAgain);
  } finally {
    clearTimeout(timer);
  }
}
