#!/usr/bin/env node
/** rustydbctl: the process around a command line. */
import { runCommandLine } from './run';

const ending = new AbortController();
process.once('SIGINT', () => ending.abort());
process.once('SIGTERM', () => ending.abort());
// A reader that has enough (`| head`) ends us quietly.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  width: process.stdout.columns ?? 160,
  signal: ending.signal,
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
});
