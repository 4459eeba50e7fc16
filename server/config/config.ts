/** The start configuration of the console process, checked whole before anything starts. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const rate = z.strictObject({ points: z.int().min(1), seconds: z.number().min(0.1) });

export const consoleConfig = z.strictObject({
  clusterId: z.string().min(1),
  clusterName: z.string().min(1),
  host: z.string().min(1),
  port: z.int().min(0).max(65_535),
  /** Audit log and signed-out sessions. */
  dataDirectory: z.string().min(1),
  secretFile: z.string().min(1),
  sessionSecretFile: z.string().min(1),
  adminPasswordFile: z.string().min(1),
  apiKeyFile: z.string().min(1).optional(),
  breakGlassFile: z.string().min(1).optional(),
  /** PEM files; without them the server speaks HTTP. */
  tls: z.strictObject({ certFile: z.string().min(1), keyFile: z.string().min(1) }).optional(),
  /** Signing in with an identity provider (auth/oidc-config.ts). */
  oidcFile: z.string().min(1).optional(),
  appPasswordFile: z.string().min(1),
  seeds: z.array(z.strictObject({ nodeId: z.string(), host: z.string(), port: z.int().min(1).max(65_535) })).min(1),
  rehearsalEnabled: z.boolean(),
  dev: z.boolean().optional(),
  /** Cookies are sent over TLS only (a proxy in front ends TLS). */
  secureCookies: z.boolean().optional(),
  /** Addresses and networks whose `X-Forwarded-For` counts (surfaces/client-address.ts). */
  trustedProxies: z.array(z.string()).optional(),
  metricsAnonymousOnLoopback: z.boolean().optional(),
  rateLimits: z
    .strictObject({ read: rate, node: rate, write: rate, login: rate, anonymous: rate })
    .partial()
    .optional(),
  /** Where the built pages are; default: the working directory. */
  appDirectory: z.string().min(1).optional(),
});

export type ConsoleConfig = z.output<typeof consoleConfig>;

/** @throws Error with one sentence that says what to do */
export function readConfig(file: string): ConsoleConfig {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(
      `The console's configuration ${file} cannot be read: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const parsed = consoleConfig.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`The console's configuration ${file} is wrong at ${issue?.path.join('.')}: ${issue?.message}`);
}

/** @throws Error with one sentence that says what to do */
export function readSecret(file: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`${what} cannot be read from ${file}: ${error instanceof Error ? error.message : ''}`);
  }
  if (text === '')
    throw new Error(`${what} in ${file} is empty: delete the file and start again, or write a secret into it`);
  return text;
}
