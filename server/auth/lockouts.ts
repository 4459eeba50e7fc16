/**
 * Accounts and addresses that are locked after many failed sign-ins. Counted in the control store, so a lock holds on every console and over
 * restarts; without a majority only the throttle in memory counts. A name that nobody has is counted like one that somebody has.
 */
import { keys } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { LockoutDirectory, LockoutRecord } from './api';
import { ControlRecords } from './control-records';

const windowMs = 15 * 60_000;
const lockMs = 15 * 60_000;
const failuresOf = { account: 20, address: 100 } as const;
/** Invented names must not fill the store; the lock of their address stops them. */
const recordsLimit = 2000;
const freshMs = 250;
const timeoutMs = 1500;
const attempts = 5;

/** The record after one more failure. Pure. */
export function afterFailure(
  before: LockoutRecord | null,
  subject: Pick<LockoutRecord, 'kind' | 'subject'>,
  now: number,
): LockoutRecord {
  const within = before !== null && now - Date.parse(before.firstFailureAt) < windowMs;
  const failures = within ? before.failures + 1 : 1;
  const at = new Date(now).toISOString();
  const locks = failures >= failuresOf[subject.kind];
  return {
    kind: subject.kind,
    subject: subject.subject,
    failures,
    firstFailureAt: within ? before.firstFailureAt : at,
    lastFailureAt: at,
    lockedUntil: locks ? new Date(now + lockMs).toISOString() : null,
    unlockedAt: before?.unlockedAt,
  };
}

function isLocked(
  record: LockoutRecord | null,
  now: number,
): record is LockoutRecord & { readonly lockedUntil: string } {
  return record?.lockedUntil != null && Date.parse(record.lockedUntil) > now;
}

export class Lockouts implements LockoutDirectory {
  readonly #records: ControlRecords<LockoutRecord>;

  constructor(engine: EngineClient) {
    this.#records = new ControlRecords(engine, keys.lockouts, { freshMs });
  }

  /** @throws RATE_LIMITED while the account or the address is locked */
  async refuseLocked(username: string, clientAddress: string): Promise<void> {
    const now = Date.now();
    for (const { kind, subject } of subjectsOf(username, clientAddress)) {
      const record = await this.#records.get(idOf(kind, subject));
      if (isLocked(record, now)) throw locked(kind, Date.parse(record.lockedUntil) - now);
    }
  }

  /** Waits until it is stored, but not for an election. */
  async countFailure(username: string, clientAddress: string): Promise<void> {
    await Promise.allSettled(subjectsOf(username, clientAddress).map((one) => this.#count(one)));
  }

  /** When failures of this name or address were last forgiven, in ms since 1970; 0: not of late. */
  async forgivenAt(username: string, clientAddress: string): Promise<number> {
    const records = await Promise.all(
      subjectsOf(username, clientAddress).map(({ kind, subject }) => this.#records.get(idOf(kind, subject))),
    );
    return Math.max(0, ...records.map((record) => Date.parse(record?.unlockedAt ?? '') || 0));
  }

  /** The right password ends the count of the account; that of the address goes on, others may guess from there. */
  async countSuccess(username: string): Promise<void> {
    const id = idOf('account', username.toLowerCase());
    const record = await this.#records.get(id);
    if (record === null || record.failures === 0) return;
    // That it was forgiven is not known everywhere yet.
    const over = record.unlockedAt
      ? this.#records.putting(id, forgiven(record, record.unlockedAt))
      : this.#records.removing(id);
    await this.#records.write([over], timeoutMs).catch(() => undefined);
  }

  async list(): Promise<readonly LockoutRecord[]> {
    const now = Date.now();
    return (await this.#records.all()).filter((one) => one.failures > 0 && !isOver(one, now));
  }

  async unlock(id: string): Promise<LockoutRecord> {
    let counted = null as LockoutRecord | null;
    await this.#records.change(id, (before) => {
      if (!before || before.failures === 0)
        throw new ClusterError('NOT_FOUND', `No failed sign-ins are counted for ${id}`);
      counted = before;
      return forgiven(before, new Date().toISOString());
    });
    return counted!;
  }

  async tidy(): Promise<void> {
    const now = Date.now();
    const over = [...(await this.#records.byId())].filter(([, one]) => isOver(one, now)).map(([id]) => id);
    await this.#records.write(over.slice(0, 200).map((id) => this.#records.removing(id)));
  }

  async #count(subject: Pick<LockoutRecord, 'kind' | 'subject'>): Promise<void> {
    const count = async (before: LockoutRecord | null) => {
      if (before === null && (await this.#records.byId()).size >= recordsLimit) return null;
      return afterFailure(before, subject, Date.now());
    };
    await this.#records.change(idOf(subject.kind, subject.subject), count, { attempts, timeoutMs });
  }
}

/** Kept for a while with no failures: other consoles learn of it by this. */
function forgiven(record: LockoutRecord, at: string): LockoutRecord {
  return { ...record, failures: 0, firstFailureAt: at, lockedUntil: null, unlockedAt: at };
}

function isOver(record: LockoutRecord, now: number): boolean {
  return !isLocked(record, now) && now - Date.parse(record.firstFailureAt) >= windowMs;
}

function subjectsOf(username: string, clientAddress: string) {
  return [
    { kind: 'account', subject: username.toLowerCase() },
    { kind: 'address', subject: clientAddress },
  ] as const;
}

function idOf(kind: LockoutRecord['kind'], subject: string): string {
  return `${kind}:${subject}`;
}

function locked(kind: LockoutRecord['kind'], remainingMs: number): ClusterError {
  const seconds = Math.ceil(remainingMs / 1000);
  const what = kind === 'account' ? 'This account' : 'This address';
  return new ClusterError('RATE_LIMITED', `${what} is locked after too many failed sign-ins; an admin can unlock it`, {
    reasons: [
      {
        rule: `${kind}-locked`,
        measured: `${failuresOf[kind]} failures`,
        limit: `${failuresOf[kind]} within ${windowMs / 60_000} min`,
        remedy: `Wait ${Math.ceil(seconds / 60)} min, or ask an admin to unlock it (Users & keys, Lockouts)`,
      },
    ],
    extra: {
      retry_after: seconds,
      limit: failuresOf[kind],
      remaining: 0,
      reset: Math.ceil((Date.now() + remainingMs) / 1000),
    },
  });
}
