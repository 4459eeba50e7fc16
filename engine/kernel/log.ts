/** Structured logs (JSON lines through pino). Secrets never go in; the redaction list is a second fence, not the first. */
import pino from 'pino';
import { traceFields } from './tracing';

export type Logger = pino.Logger;

/** `file`: append there instead of to standard output. */
export function createLogger(process: string, fields: Readonly<Record<string, unknown>> = {}, file?: string): Logger {
  const options = {
    level: globalThis.process?.env.RUSTYDB_LOG_LEVEL ?? 'info',
    base: { process, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: traceFields,
    redact: ['password', '*.password', 'secret', '*.secret', 'authorization', '*.authorization'],
  };
  return file ? pino(options, pino.destination({ dest: file, sync: true, mode: 0o600 })) : pino(options);
}
