/**
 * Which calls use force, and what whoever makes them must show first: people a password given a moment ago, keys (where the cluster asks for
 * it) the name of what is hit. What hands out power asks people for the password too: otherwise an old session would make itself a key and use
 * that. Decided here for every surface. A dry run uses no force.
 */
import { ClusterError } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';
import type { AccessPolicy, Identity } from './api';

type Input = Readonly<Record<string, unknown>>;

export function isForcePath(definition: AnyDefinition, input: Input): boolean {
  if (input.dry_run === true) return false;
  return (definition.adminKeys ?? []).some((key) => input[key] === true) || definition.forcePath?.(input) === true;
}

export function needsProof(definition: AnyDefinition, input: Input): boolean {
  const asked = definition.needsProof ?? false;
  return (typeof asked === 'function' ? asked(input) : asked) || isForcePath(definition, input);
}

/** @throws FORBIDDEN that says what to do first */
export function requireProof(
  definition: AnyDefinition,
  input: Input,
  identity: Identity,
  proof: {
    readonly policy: AccessPolicy;
    readonly provedAt: string | null;
    readonly now: number;
    readonly firstGroup: string;
    /** Who came through the identity provider may have no password. */
    readonly singleSignOn: boolean;
  },
): void {
  const { policy, provedAt, now } = proof;
  if (identity.kind === 'api-key') {
    const forced = isForcePath(definition, input) && identity.role === 'admin';
    if (policy.keysConfirmForce && forced) requireConfirmation(definition, input, proof.firstGroup);
    return;
  }
  const proved = provedAt === null ? 0 : Date.parse(provedAt);
  const ageMs = now - proved;
  if (ageMs <= policy.reauthenticateMinutes * 60_000) return;
  const elsewhere = proof.singleSignOn
    ? ', or sign in with the identity provider again (GET /api/v1/auth/oidc/start?again=1)'
    : '';
  throw new ClusterError('FORBIDDEN', `${definition.name} needs your password again`, {
    clusterCode: 'CLU_REAUTHENTICATION_REQUIRED',
    reasons: [
      {
        rule: 'recent-password',
        // A provider that does not say when it asked for the credentials leaves the beginning of time.
        measured: proved > 0 ? `${Math.floor(ageMs / 60_000)} min ago` : 'never',
        limit: `${policy.reauthenticateMinutes} min ago`,
        remedy: `Give your password (POST /api/v1/auth/reauthenticate with {"password": "…"})${elsewhere}, then repeat the call`,
      },
    ],
  });
}

function requireConfirmation(definition: AnyDefinition, input: Input, firstGroup: string): void {
  // What has no place for a confirmation needs none.
  if (!hasKey(definition, 'confirm')) return;
  const wanted = [input.id, input.node, input.group].find((one) => typeof one === 'string') ?? firstGroup;
  if (input.confirm === wanted) return;
  throw new ClusterError('FORBIDDEN', `${definition.name} with force must be confirmed`, {
    clusterCode: 'CLU_CONFIRMATION_REQUIRED',
    reasons: [
      {
        rule: 'confirmation',
        measured: typeof input.confirm === 'string' ? input.confirm : null,
        limit: String(wanted),
        remedy: `Send "confirm": "${wanted}" with the call`,
      },
    ],
  });
}

export function hasKey(definition: AnyDefinition, key: string): boolean {
  const { input } = definition;
  return 'shape' in input && typeof input.shape === 'object' && input.shape !== null && key in input.shape;
}
