/** The environment variables of `npm start`, checked once. Unknown or malformed values are refused with a sentence. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { leastLogBytes } from '../cluster/core/log-limits';
import { messageOf } from '../kernel/errors';
import { mostRouterProcesses } from '../router/config';
import { secretVariables } from './core/child-environment';
import { StartError } from './data-directory';
import { type RateLimitOverrides, rateLimitOverrides } from './rate-limits-setting';
import type { SecretOverrides } from './secrets';

export type SettingsFromEnvironment = {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly topologyFile: string | null;
  readonly secrets: SecretOverrides;
  /** Fault injection through the API and the rehearsal page; off unless RUSTYDB_REHEARSAL=1. */
  readonly rehearsalEnabled: boolean;
  /** RUSTYDB_OIDC_CONFIG: how people sign in with an identity provider. */
  readonly oidcFile: string | null;
  /** RUSTYDB_TLS_CERT and RUSTYDB_TLS_KEY: the console speaks HTTPS. */
  readonly consoleTls: { readonly certFile: string; readonly keyFile: string } | null;
  /** RUSTYDB_SECURE_COOKIES=1: a proxy in front of the console ends TLS. */
  readonly secureCookies: boolean;
  /** RUSTYDB_TRUSTED_PROXIES: whose word about the client's address counts. */
  readonly trustedProxies: readonly string[];
  /** RUSTYDB_RATE_LIMITS: other limits than the console's own. */
  readonly rateLimits: RateLimitOverrides | null;
  /** RUSTYDB_LOG_LIMIT_MB: what PostgreSQL's log of each node may take. */
  readonly logBytes: number | null;
  /** RUSTYDB_ROUTER_PROCESSES, or what the cores say. */
  readonly routerProcesses: number;
};

export function settingsFromEnvironment(env: Readonly<Record<string, string | undefined>>): SettingsFromEnvironment {
  const port = env.RUSTYDB_PORT ?? '8080';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new StartError(`RUSTYDB_PORT is ${JSON.stringify(port)}; it must be a port number from 1 to 65535.`);
  }
  const [adminPassword, appPassword, apiKey] = secretVariables.map((name) => secret(env, name));
  // Drivers differ in how they prepare other characters for SCRAM (RFC 4013), so one of them would be locked out.
  if (!/^[\x20-\x7e]*$/.test(appPassword ?? ''))
    throw new StartError(
      'RUSTYDB_DB_PASSWORD has characters outside ASCII; use letters, digits, spaces and signs of ASCII.',
    );
  return {
    host: env.RUSTYDB_HOST || '127.0.0.1',
    port: Number(port),
    dataDirectory: resolve(env.RUSTYDB_DATA_DIR || './data'),
    topologyFile: env.RUSTYDB_TOPOLOGY ? resolve(env.RUSTYDB_TOPOLOGY) : null,
    secrets: { adminPassword, appPassword, apiKey },
    rehearsalEnabled: env.RUSTYDB_REHEARSAL === '1',
    oidcFile: env.RUSTYDB_OIDC_CONFIG ? resolve(env.RUSTYDB_OIDC_CONFIG) : null,
    consoleTls: tlsFiles(env.RUSTYDB_TLS_CERT, env.RUSTYDB_TLS_KEY),
    secureCookies: env.RUSTYDB_SECURE_COOKIES === '1',
    trustedProxies: trustedProxies(env.RUSTYDB_TRUSTED_PROXIES),
    rateLimits: rateLimitOverrides(env.RUSTYDB_RATE_LIMITS),
    logBytes: logBytes(env.RUSTYDB_LOG_LIMIT_MB),
    routerProcesses: routerProcesses(env.RUSTYDB_ROUTER_PROCESSES, availableParallelism()),
  };
}

/** Of the variable, or of the file that `<name>_FILE` names: then it stands in no environment at all, not even in that of who starts us. */
function secret(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (file && env[name]) throw new StartError(`${name} and ${name}_FILE are both set: use one of them.`);
  const value = file ? secretOf(`${name}_FILE`, resolve(file)) : env[name];
  if (!value) return undefined;
  if (value.length < 8) throw new StartError(`${name} is too short; use at least 8 characters.`);
  return value;
}

function secretOf(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new StartError(`${name} names ${file}, which can't be read: ${messageOf(error)}.`);
  }
}

/** Half of the cores: the servers that they lead to need the rest. One process fills a core at 20,000 small statements a second. */
export function routerProcesses(text: string | undefined, cores: number): number {
  if (!text) return Math.min(mostRouterProcesses, Math.max(1, Math.floor(cores / 2)));
  if (/^\d$/.test(text) && Number(text) >= 1 && Number(text) <= mostRouterProcesses) return Number(text);
  throw new StartError(
    `RUSTYDB_ROUTER_PROCESSES is ${JSON.stringify(text)}; it takes a whole number from 1 to ${mostRouterProcesses}.`,
  );
}

function logBytes(text: string | undefined): number | null {
  if (!text) return null;
  const least = leastLogBytes / 1024 / 1024;
  if (!/^\d{1,7}$/.test(text) || Number(text) < least)
    throw new StartError(
      `RUSTYDB_LOG_LIMIT_MB is ${JSON.stringify(text)}; it takes whole megabytes, ${least} at least.`,
    );
  return Number(text) * 1024 * 1024;
}

function trustedProxies(text: string | undefined): readonly string[] {
  const listed = (text ?? '').split(',').map((one) => one.trim());
  return listed.filter((one) => {
    if (one === '') return false;
    const [address = '', bits] = one.split('/', 2);
    const most = { 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const prefix = one.includes('/') ? (/^\d{1,3}$/.test(bits ?? '') ? Number(bits) : Number.NaN) : most;
    if (most >= 0 && prefix <= most && one.split('/').length <= 2) return true;
    throw new StartError(
      `RUSTYDB_TRUSTED_PROXIES has ${JSON.stringify(one)}; it takes addresses and networks, such as 127.0.0.1,10.0.0.0/8.`,
    );
  });
}

function tlsFiles(certFile: string | undefined, keyFile: string | undefined) {
  if (!certFile && !keyFile) return null;
  if (!certFile || !keyFile) {
    throw new StartError('RUSTYDB_TLS_CERT and RUSTYDB_TLS_KEY belong together: set both, or neither.');
  }
  return { certFile: resolve(certFile), keyFile: resolve(keyFile) };
}
