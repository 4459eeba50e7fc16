/**
 * What an API key is worth now: behind it stands the person who made it, also through keys that were made with keys. Pure. Invariants: a key may
 * never do more than that person may at present, and nothing once the person is disabled or gone; an account of the same name that was made
 * later is another person. Keys that no person made (from the environment) stand for themselves.
 */
import type { Role } from '@/server/procedures/definition';
import type { ApiKeyRecord, KeyStanding, Person, UserRecord } from './api';
import { lesserRole } from './authorise';

/** What a person made and stands behind: a key, an invitation. */
type Made = Pick<ApiKeyRecord, 'id' | 'role' | 'createdAt' | 'createdBy' | 'person' | 'expiresAt' | 'revoked'>;
type Maker = { readonly user: string; readonly since: string | null };

export function standingOf(
  key: Made,
  all: readonly ApiKeyRecord[],
  users: readonly UserRecord[],
  now: number,
): KeyStanding {
  const maker = makerOf(key, all, new Set());
  const user = users.find((one) => one.id === maker?.user);
  const same = user !== undefined && (maker?.since ? user.createdAt === maker.since : user.createdAt <= key.createdAt);
  const role: Role = maker !== null && same ? lesserRole(key.role, user.role) : key.role;
  return {
    person: maker === null ? null : { user: maker.user, since: maker.since ?? user?.createdAt ?? key.createdAt },
    role,
    ended: endOf(key, now) ?? (maker === null ? null : endOfPerson(maker, same ? user : null)),
  };
}

function endOf(key: Made, now: number): string | null {
  if (key.revoked) return 'revoked';
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now ? 'expired' : null;
}

function endOfPerson(maker: Maker, user: UserRecord | null): string | null {
  if (user === null) return `the account of ${maker.user}, who made it, is gone`;
  return user.disabled ? `${maker.user}, who made it, is disabled` : null;
}

/** Keys of before do not carry their person: `created_by` names the person, or the key that made them by a name that is not unique. */
function makerOf(key: Made, all: readonly ApiKeyRecord[], seen: ReadonlySet<string>): Maker | null {
  if (key.person !== undefined) return key.person;
  const [, kind, name] = /^(user|api-key):(.*)$/s.exec(key.createdBy) ?? [];
  if (kind === 'user') return { user: name!, since: null };
  if (kind !== 'api-key') return null;
  const path = new Set([...seen, key.id]);
  const makers = all
    .filter((one) => one.name === name && !path.has(one.id) && one.createdAt <= key.createdAt)
    .map((one) => makerOf(one, all, path));
  const [first = null] = makers;
  // Of several keys of that name it could be any: a person is named only when it is the same for all.
  return first !== null && makers.every((one) => one?.user === first.user && one.since === first.since) ? first : null;
}

/** In words that compare: the same person, whichever way they come. */
export function personName(person: Pick<Person, 'user'>): string {
  return `user:${person.user}`;
}
