/**
 * Accounts that their owner completes: an admin invites a name, the link works once and runs out, and the password is known to its owner
 * alone. Invariants: the account and the end of the invitation are one transaction, so a link can't make two accounts; an invitation is worth
 * nothing once who made it may invite nobody.
 */
import { randomBytes } from 'node:crypto';
import { keys } from '@/engine/cluster/model';
import type { Mutation } from '@/engine/control/store';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { Role } from '@/server/procedures/definition';
import { hashSecret, newUser, type StoredAccounts } from './accounts';
import type { InvitationDirectory, InvitationRecord, Person, UserRecord } from './api';
import { ControlRecords } from './control-records';
import type { PasswordHasher } from './passwords';

const openLimit = 500;
const keptMs = 30 * 24 * 3_600_000;

export class Invitations implements InvitationDirectory {
  readonly #records: ControlRecords<InvitationRecord>;

  constructor(
    private readonly engine: EngineClient,
    private readonly accounts: StoredAccounts,
    private readonly passwords: PasswordHasher,
  ) {
    this.#records = new ControlRecords(engine, keys.invitations);
  }

  list(): Promise<readonly InvitationRecord[]> {
    return this.#records.all();
  }

  async create(input: { username: string; role: Role; hours: number; by: string; person?: Person | null }) {
    if ((await this.accounts.user(input.username)) !== null) {
      throw new ClusterError('CONFLICT', `User ${input.username} already exists`);
    }
    const open = (await this.#records.allHeld()).filter((one) => stateOf(one.record) === 'open');
    if (open.some((one) => one.record.username === input.username)) {
      throw new ClusterError('CONFLICT', `${input.username} is invited already; withdraw that invitation first`);
    }
    if (open.length >= openLimit) throw new ClusterError('CONFLICT', `${openLimit} invitations are open already`);
    const token = randomBytes(24).toString('base64url');
    const now = Date.now();
    const record: InvitationRecord = {
      id: hashSecret(token).slice(0, 16),
      username: input.username,
      role: input.role,
      tokenHash: hashSecret(token),
      createdBy: input.by,
      ...(input.person === undefined ? {} : { person: input.person }),
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + input.hours * 3_600_000).toISOString(),
      endedAt: null,
      accepted: false,
    };
    await this.#records.create(record.id, record);
    return { record, token };
  }

  withdraw(id: string): Promise<InvitationRecord> {
    return this.#records.change(id, (before) => {
      if (!before) throw new ClusterError('NOT_FOUND', `No invitation ${id}`);
      if (stateOf(before) !== 'open')
        throw new ClusterError('CONFLICT', `The invitation is ${stateOf(before)} already`);
      return { ...before, endedAt: new Date().toISOString() };
    });
  }

  async accept(token: string, password: string): Promise<UserRecord> {
    const held = await this.#records.held(hashSecret(token).slice(0, 16));
    if (!held || held.record.tokenHash !== hashSecret(token) || stateOf(held.record) !== 'open') {
      throw new ClusterError('NOT_FOUND', 'The invitation is unknown, used, withdrawn or run out: ask for a new one');
    }
    const { username, role, createdBy, id } = held.record;
    const inviter = await this.accounts.standing({ ...held.record, role: 'admin', revoked: false });
    if (inviter.ended !== null || inviter.role !== 'admin') {
      throw new ClusterError('NOT_FOUND', 'Who invited you is no admin any more: ask for a new invitation');
    }
    const user = newUser({ username, role, by: createdBy, passwordHash: await this.passwords.hash(password) });
    const mutations: Mutation[] = [
      this.#records.putting(id, { ...held.record, accepted: true, endedAt: new Date().toISOString() }),
      this.accounts.puttingUser(user),
    ];
    const { succeeded, revision } = await this.engine.leader('store.txn', {
      compare: [
        { key: this.#records.key(id), modRevision: held.modRevision },
        { key: keys.user(user.id), modRevision: 0 },
      ],
      mutations,
    });
    if (!succeeded)
      throw new ClusterError('CONFLICT', `User ${username} exists already, or the invitation was just used`);
    this.#records.note(mutations, revision);
    this.accounts.noteUsers(mutations, revision);
    return user;
  }

  async tidy(): Promise<void> {
    const now = Date.now();
    const old = (await this.#records.all()).filter((one) => now - Date.parse(one.expiresAt) > keptMs);
    await this.#records.write(old.slice(0, 200).map((one) => this.#records.removing(one.id)));
  }
}

export function stateOf(record: InvitationRecord): 'open' | 'accepted' | 'expired' | 'withdrawn' {
  if (record.accepted) return 'accepted';
  if (record.endedAt !== null) return 'withdrawn';
  return Date.parse(record.expiresAt) <= Date.now() ? 'expired' : 'open';
}
