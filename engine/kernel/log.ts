/** Structured logs (JSON lines through pino). Secrets never go in; the redaction list is a second fence, not the first. */
import pino from 'pino';
import { isDiskFull } from './disk';
import { traceFields } from './tracing';

export type Logger = pino.Logger;

const maxWaitingBytes = 1 << 20;

/** `file`: append there instead of to standard output. */
export function createLogger(process: string, fields: Readonly<Record<string, unknown>> = {}, file?: string): Logger {
  const options = {
    level: globalThis.process?.env.RUSTYDB_LOG_LEVEL ?? 'info',
    base: { process, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: traceFields,
    redact: ['password', '*.password', 'secret', '*.secret', 'authorization', '*.authorization'],
  };
  const destination = pino.destination({ dest: file ?? 1, sync: true, mode: 0o600, maxLength: maxWaitingBytes });
  // A full disk must not end a process because it has something to say: lines wait, and beyond the bound they are dropped.
  destination.on('error', (error: unknown) => {
    if (!isDiskFull(error) && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  });
  return pino(options, destination);
}
