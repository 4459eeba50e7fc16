/**
 * Secrets of one installation: random at first start, one file each, mode 0600, in `<data>/secrets` (0700). An unreadable or empty file is an
 * error that names the file; it is never silently replaced, since a new cluster secret would lock every other process out.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newerFormat } from '../kernel/format-version';
import { replaceFile, systemFiles } from '../kernel/small-files';
import type { RolePasswords } from '../postgres/api';

export type SecretFiles = {
  readonly clusterSecret: string;
  readonly sessionSecret: string;
  readonly adminPassword: string;
  readonly appPassword: string;
  readonly apiKey: string | null;
  /** Admin on this installation's console also when no account can be read. */
  readonly breakGlass: string;
  readonly postgres: string;
};

export type SecretOverrides = {
  readonly adminPassword?: string | undefined;
  readonly appPassword?: string | undefined;
  readonly apiKey?: string | undefined;
};

/**
 * Creates what is missing at the first start, checks what is there. Once a cluster exists its secret and logins are never made anew: they would
 * not be the ones its data knows.
 */
export function ensureSecrets(dataDirectory: string, overrides: SecretOverrides, clusterExists = false): SecretFiles {
  const directory = join(dataDirectory, 'secrets');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const path = (name: string) => join(directory, name);

  if (clusterExists) for (const name of ['cluster-secret', 'app-password', 'postgres.json']) readSecret(path(name));
  ensureSecret(path('cluster-secret'), () => token(32));
  ensureSecret(path('session-secret'), () => token(32));
  ensureSecret(path('admin-password'), () => overrides.adminPassword ?? token(15));
  ensureSecret(path('app-password'), () => overrides.appPassword ?? token(15));
  ensureSecret(path('break-glass-token'), () => `rdbbg_${token(32)}`);
  if (overrides.apiKey) ensureSecret(path('api-key'), () => overrides.apiKey as string);
  ensureSecret(path('postgres.json'), () =>
    JSON.stringify({
      superuser: token(24),
      replication: token(24),
      monitor: token(24),
      query: token(24),
      rac: token(24),
      apply: token(24),
    }),
  );
  readRolePasswords(path('postgres.json'), path('app-password'));
  return {
    clusterSecret: path('cluster-secret'),
    sessionSecret: path('session-secret'),
    adminPassword: path('admin-password'),
    appPassword: path('app-password'),
    apiKey: existsSync(path('api-key')) ? path('api-key') : null,
    breakGlass: path('break-glass-token'),
    postgres: path('postgres.json'),
  };
}

export function readSecret(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(
      `The secret file ${path} can't be read (${(error as Error).message}). Restore it from a backup; it is not made anew while data exists.`,
    );
  }
  if (text.length < 8) {
    throw new Error(
      `The secret file ${path} is empty or too short (${text.length} characters, at least 8). Restore it from a backup; every process of the cluster must have the same one.`,
    );
  }
  return text;
}

/** All PostgreSQL logins of one cluster. */
export function readRolePasswords(postgresSecretsFile: string, appPasswordFile: string): RolePasswords {
  let parsed: Omit<RolePasswords, 'app'>;
  try {
    parsed = JSON.parse(readSecret(postgresSecretsFile)) as Omit<RolePasswords, 'app'>;
  } catch (error) {
    throw new Error(
      `The secret file ${postgresSecretsFile} is damaged (${(error as Error).message}). Restore it from a backup.`,
    );
  }
  const newer = newerFormat(postgresSecretsFile, 'secrets', (parsed as { readonly format?: unknown }).format);
  if (newer !== null) throw new Error(newer);
  for (const role of ['superuser', 'replication', 'monitor', 'query'] as const) {
    if (typeof parsed[role] !== 'string' || parsed[role].length < 8) {
      throw new Error(
        `The secret file ${postgresSecretsFile} has no password for "${role}". Restore it from a backup.`,
      );
    }
  }
  return { ...parsed, app: readSecret(appPasswordFile) };
}

function ensureSecret(path: string, make: () => string): void {
  if (existsSync(path)) {
    readSecret(path);
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return;
  }
  replaceFile(systemFiles, path, `${make()}\n`);
}

function token(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
