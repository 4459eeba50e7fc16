/** pgbench (Debian's package postgresql-contrib or postgresql-client) as a process: prepared statements, no vacuum, one connection string. */
import { spawn } from 'node:child_process';

export const works = ['select-only', 'simple-update'] as const;
export type Work = (typeof works)[number];

const flags: Readonly<Record<Work, string>> = { 'select-only': '-S', 'simple-update': '-N' };

export type Login = { readonly connection: string; readonly password: string };

export async function initialise(login: Login, scale: number): Promise<void> {
  await pgbench(login, ['-i', '-q', '-I', 'dtgvp', '-s', String(scale)]);
}

/** Transactions per second, connecting left out. */
export async function measure(
  login: Login,
  { work, clients, seconds }: { readonly work: Work; readonly clients: number; readonly seconds: number },
): Promise<number> {
  const threads = String(Math.min(clients, 2));
  const words = [flags[work], '-n', '-M', 'prepared', '-c', String(clients), '-j', threads, '-T', String(seconds)];
  const output = await pgbench(login, words);
  const match = /tps = ([\d.]+) \(without initial connection time\)/.exec(output);
  const failed = /number of failed transactions: ([1-9]\d*)/.exec(output);
  if (match === null || failed !== null) throw new Error(`pgbench: ${output}`);
  return Number(match[1]);
}

function pgbench(login: Login, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('pgbench', [...words, login.connection], {
      env: { PATH: process.env.PATH, PGPASSWORD: login.password, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk));
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`pgbench ended ${code}: ${output}`)),
    );
  });
}
