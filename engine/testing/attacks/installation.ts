/** What the attacks know of the installation that they attack: its ports, its secrets (to look for them), its users. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from './attack';

/** An ordinary user of the host, who owns nothing of the installation. */
export const somebody = { uid: 47_110, gid: 47_110 } as const;
export const isRoot = process.getuid?.() === 0;

export const namesOfSecrets = [
  'cluster-secret',
  'session-secret',
  'admin-password',
  'app-password',
  'break-glass-token',
  'api-key',
  'postgres.json',
];

export function portsOf({ cluster }: Target): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(join(cluster.dataDirectory, 'ports.json'), 'utf8'));
}

export function secretsOf({ cluster }: Target): readonly (readonly [string, string])[] {
  const read = (name: string) => readFileSync(join(cluster.dataDirectory, 'secrets', name), 'utf8').trim();
  const logins = Object.entries(JSON.parse(read('postgres.json')) as Record<string, unknown>);
  const passwords = logins.filter((one): one is [string, string] => typeof one[1] === 'string' && one[1].length >= 12);
  const files = namesOfSecrets.filter((name) => name !== 'postgres.json').map((name) => [name, read(name)] as const);
  return [...files, ...passwords.map(([name, password]) => [`password of ${name}`, password] as const)];
}

export function postgresUser({ cluster }: Target, node: string): { readonly uid: number; readonly gid: number } {
  const { uid, gid } = statSync(join(cluster.nodeDirectory(node), 'pgdata'));
  return { uid, gid };
}

/** A shell line as another user of the host; only root can ask for it. */
export function shellAs(
  user: { readonly uid: number; readonly gid: number },
  line: string,
  ...words: readonly string[]
) {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', line, 'sh', ...words], {
    ...user,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, output: stdout };
}

/** The same, going on beside the caller, who ends it; bash, which can open connections. */
export function shellInBackground(user: { readonly uid: number; readonly gid: number }, line: string): { end(): void } {
  const child = spawn('/bin/bash', ['-c', line], {
    ...user,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: 'ignore',
    detached: true,
  });
  child.on('error', () => undefined);
  return {
    end: () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    },
  };
}
