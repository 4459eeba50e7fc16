/** How people sign in with an identity provider: the file that RUSTYDB_OIDC_CONFIG names, checked whole before the console starts. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Role } from '@/server/procedures/definition';

const values = z.array(z.string().min(1)).default([]);

const oidcConfig = z
  .strictObject({
    /** Where the provider's discovery document is, without /.well-known/…; https but for loopback. */
    issuer: z.url(),
    clientId: z.string().min(1),
    /** Absent for a public client: PKCE alone. */
    clientSecretFile: z.string().min(1).optional(),
    /** As registered with the provider: <address of the console>/api/v1/auth/oidc/callback */
    redirectUri: z.url(),
    label: z.string().min(1).max(40).default('Sign in with single sign-on'),
    scopes: z.string().default('openid profile email'),
    usernameClaim: z.string().default('preferred_username'),
    roleClaim: z.string().default('groups'),
    /** Values of the role claim that give each role; the highest that fits counts. */
    roles: z.strictObject({ admin: values, operator: values, viewer: values }),
    /** Role of those whom no value gives one; default: they are refused. */
    defaultRole: z.enum(['viewer', 'operator']).optional(),
  })
  .refine((one) => one.issuer.startsWith('https:') || isLoopback(one.issuer), {
    path: ['issuer'],
    message: 'must be https (http only on loopback)',
  });

export type OidcConfig = z.output<typeof oidcConfig>;

export function isLoopback(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}

/** @throws Error with one sentence that says what to do */
export function readOidcConfig(file: string): OidcConfig {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`The sign-on configuration ${file} cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
  const parsed = oidcConfig.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`The sign-on configuration ${file} is wrong at ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Null: no value of the claim gives a role, and there is no default. */
export function roleOf(claims: Readonly<Record<string, unknown>>, config: OidcConfig): Role | null {
  const claim = claims[config.roleClaim];
  const held = new Set(Array.isArray(claim) ? claim.map(String) : typeof claim === 'string' ? claim.split(' ') : []);
  for (const role of ['admin', 'operator', 'viewer'] as const) {
    if (config.roles[role].some((value) => held.has(value))) return role;
  }
  return config.defaultRole ?? null;
}

/** A name that an account can have; null: the claim has none. */
export function usernameOf(claims: Readonly<Record<string, unknown>>, config: OidcConfig): string | null {
  const claim = claims[config.usernameClaim] ?? claims.email;
  const name = typeof claim === 'string' ? claim.toLowerCase() : '';
  return /^[a-z0-9][a-z0-9._@-]{0,62}$/.test(name) ? name : null;
}
