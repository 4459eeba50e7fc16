/** Structured logs (JSON lines through pino). Secrets never go in; the redaction list is a second fence, not the first. */
import pino from 'pino';

export type Logger = pino.Logger;

export function createLogger(process: string, fields: Readonly<Record<string, unknown>> = {}): Logger {
  return pino({
    level: globalThis.process?.env.RUSTYDB_LOG_LEVEL ?? 'info',
    base: { process, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['password', '*.password', 'secret', '*.secret', 'authorization', '*.authorization'],
  });
}
