#!/usr/bin/env node
/** rustydbctl: the process around a command line. */
import { once } from 'node:events';
import { exitCodes } from './exit-codes';
import { runCommandLine } from './run';

const ending = new AbortController();
process.once('SIGINT', () => ending.abort());
process.once('SIGTERM', () => ending.abort());
// A reader that has enough (`| head`) ends us quietly; a full disk does not.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`rustydbctl: the answer could not be written: ${error.message}\n`);
  process.exit(exitCodes.unexpected);
});

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  width: process.stdout.columns ?? 160,
  signal: ending.signal,
  print: (text) => void process.stdout.write(`${text}\n`),
  write: async (bytes) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  },
  complain: (text) => void process.stderr.write(`${text}\n`),
});
