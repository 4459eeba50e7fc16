/** Who may call what. The only place where this is decided, for every surface. */
import { ClusterError } from '@/engine/kernel/errors';
import type { Access, AnyDefinition, Role } from '@/server/procedures/definition';
import type { Identity } from './api';

const rank: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

export function permits(identity: Identity, access: Access): boolean {
  if (access === 'anonymous') return true;
  return identity.kind !== 'anonymous' && rank[identity.role] >= rank[access];
}

export function lesserRole(one: Role, other: Role): Role {
  return rank[one] <= rank[other] ? one : other;
}

export function requireRole(identity: Identity, access: Access, what: string): void {
  if (permits(identity, access)) return;
  if (identity.kind === 'anonymous') {
    throw new ClusterError('UNAUTHORIZED', 'Sign in, or send an API key (Authorization: Bearer … or X-API-Key)');
  }
  throw new ClusterError('FORBIDDEN', `${what} needs role ${access}`, {
    reasons: [
      {
        rule: 'role',
        measured: identity.role,
        limit: access,
        remedy: `Ask an admin for role ${access}, or use a key that has it`,
      },
    ],
  });
}

export function decide(definition: AnyDefinition, identity: Identity): void {
  requireRole(identity, definition.role, definition.name);
}

/** Force paths are admin only, whatever role the procedure has. */
export function decideInput(
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  identity: Identity,
): void {
  for (const key of definition.adminKeys ?? []) {
    if (input[key] === true) requireRole(identity, 'admin', `${definition.name} with ${key}`);
  }
}
