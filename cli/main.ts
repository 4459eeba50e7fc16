#!/usr/bin/env node
/** rustydbctl: the process around a command line. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { exitCodes } from './exit-codes';
import { runCommandLine } from './run';
import { trustedFile } from './trusted-file';

const ending = new AbortController();
process.once('SIGINT', () => ending.abort());
process.once('SIGTERM', () => ending.abort());
// A reader that has enough (`| head`) ends us quietly; a full disk does not.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`rustydbctl: the answer could not be written: ${error.message}\n`);
  process.exit(exitCodes.unexpected);
});

// Node reads the certificates that it trusts once, when a process starts.
const trusted = trustedFile(process.argv.slice(2), process.env);
if (trusted !== null) {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: trusted };
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env,
    stdio: 'inherit',
  });
  process.exit(status ?? exitCodes.unexpected);
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  width: process.stdout.columns ?? 160,
  signal: ending.signal,
  screen: process.stdout.isTTY === true,
  print: (text) => void process.stdout.write(`${text}\n`),
  write: async (bytes) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  },
  complain: (text) => void process.stderr.write(`${text}\n`),
});
