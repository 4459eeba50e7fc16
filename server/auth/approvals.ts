/**
 * Four eyes: with the cluster setting on, a call that uses force becomes a request in the control store, with the plan as it was shown, and
 * another admin approves or rejects it. Invariants: nobody decides on their own request; what runs is the plan that was approved (its hash is
 * pinned); it runs once (state by compare-and-swap, and one idempotency key per approval), also when a console dies in between.
 */
import { randomUUID } from 'node:crypto';
import { keys } from '@/engine/cluster/model';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { ApprovalDirectory, ApprovalPlan, ApprovalRecord, NamedIdentity } from './api';
import { ControlRecords } from './control-records';

const pendingLimit = 100;
const keptMs = 30 * 24 * 3_600_000;
const resumeAfterMs = 60_000;

/** Runs the call as its requester; gives the operation's id where there is one. */
export type RunApproved = (record: ApprovalRecord) => Promise<string | null>;
/** Who stands behind an identity: the person, also behind a key that the person made; null: that can't be told. */
export type PersonOf = (identity: Pick<NamedIdentity, 'kind' | 'id'>) => Promise<string | null>;

export class Approvals implements ApprovalDirectory {
  readonly #records: ControlRecords<ApprovalRecord>;

  constructor(
    engine: EngineClient,
    private readonly run: RunApproved,
    private readonly personOf: PersonOf,
  ) {
    this.#records = new ControlRecords(engine, keys.approvals);
  }

  async list(): Promise<readonly ApprovalRecord[]> {
    return (await this.#records.all()).map(withExpiry);
  }

  async get(id: string): Promise<ApprovalRecord | null> {
    const found = await this.#records.get(id);
    return found === null ? null : withExpiry(found);
  }

  /** The same request again is the same approval. */
  async request(input: {
    readonly procedure: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly plan: ApprovalPlan | null;
    readonly identity: NamedIdentity;
    readonly minutes: number;
  }): Promise<ApprovalRecord> {
    const pending = (await this.#records.allHeld())
      .map((one) => withExpiry(one.record))
      .filter((one) => one.state === 'pending');
    const text = JSON.stringify(input.input);
    const same = pending.find(
      (one) =>
        one.procedure === input.procedure &&
        JSON.stringify(one.input) === text &&
        one.requester.id === input.identity.id &&
        one.plan?.hash === input.plan?.hash,
    );
    if (same) return same;
    if (pending.length >= pendingLimit) {
      throw new ClusterError('CONFLICT', `${pendingLimit} requests already wait for approval; decide on those first`);
    }
    const now = Date.now();
    const { kind, id, name, role } = input.identity;
    const record: ApprovalRecord = {
      id: randomUUID(),
      procedure: input.procedure,
      input: input.input,
      plan: input.plan,
      requester: {
        kind,
        id,
        name,
        role,
        groups: input.identity.kind === 'api-key' ? (input.identity.groups ?? null) : null,
      },
      person: (await this.personOf(input.identity)) ?? `api-key:${id}`,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + input.minutes * 60_000).toISOString(),
      state: 'pending',
      decidedBy: null,
      decidedAt: null,
      comment: null,
      operationId: null,
      error: null,
    };
    await this.#records.create(record.id, record);
    return record;
  }

  async approve(id: string, identity: NamedIdentity, comment: string | null): Promise<ApprovalRecord> {
    const decided = await this.#decide(id, identity, comment, 'approved');
    return this.#execute(decided);
  }

  reject(id: string, identity: NamedIdentity, comment: string | null): Promise<ApprovalRecord> {
    return this.#decide(id, identity, comment, 'rejected');
  }

  /** Finishes what a console approved and did not live to run; removes what is long decided. */
  async tidy(): Promise<void> {
    const now = Date.now();
    const all = await this.#records.all();
    for (const one of all) {
      if (one.state === 'approved' && now - Date.parse(one.decidedAt ?? one.createdAt) > resumeAfterMs)
        await this.#execute(one);
    }
    const old = all.filter((one) => now - Date.parse(one.createdAt) > keptMs && one.state !== 'approved');
    await this.#records.write(old.slice(0, 200).map((one) => this.#records.removing(one.id)));
  }

  #decide(
    id: string,
    identity: NamedIdentity,
    comment: string | null,
    state: 'approved' | 'rejected',
  ): Promise<ApprovalRecord> {
    return this.#records.change<ApprovalRecord>(id, async (before) => {
      if (!before) throw new ClusterError('NOT_FOUND', `No request ${id}`);
      const record = withExpiry(before);
      if (record.state !== 'pending') throw new ClusterError('CONFLICT', `The request is ${record.state} already`);
      if (state === 'approved') await this.#requireAnother(record, identity);
      const decidedBy = `${identity.kind}:${identity.name}`;
      return { ...record, state, decidedBy, decidedAt: new Date().toISOString(), comment };
    });
  }

  /** @throws FORBIDDEN unless the one who approves is known to be somebody else than the one who asked */
  async #requireAnother(record: ApprovalRecord, identity: NamedIdentity): Promise<void> {
    const approver = await this.personOf(identity);
    if (approver === null) {
      throw ownRequest(
        'Another admin must approve it: nobody can tell which person uses this key',
        `a key that no known person made (${identity.name})`,
      );
    }
    // Asked again, since a request of before may not know the person behind its key.
    if (approver === record.person || approver === (await this.personOf(record.requester))) {
      throw ownRequest('Another admin must approve it: it is your own request', approver);
    }
  }

  async #execute(approved: ApprovalRecord): Promise<ApprovalRecord> {
    let done: ApprovalRecord;
    try {
      done = { ...approved, state: 'executed', operationId: await this.run(approved) };
    } catch (error) {
      if (!isClusterError(error)) throw error;
      // Not known whether it began: it stays approved and is run again under the same key.
      if (['UNAVAILABLE', 'TIMEOUT'].includes(error.code)) throw error;
      done = { ...approved, state: 'failed', error: { code: error.code, message: error.message } };
    }
    const held = await this.#records.held(approved.id);
    if (held?.record.state === 'approved') await this.#records.put(approved.id, held.modRevision, done);
    return done;
  }
}

function ownRequest(message: string, measured: string): ClusterError {
  const remedy = 'Another admin approves it, signed in or with a key of their own';
  return new ClusterError('FORBIDDEN', message, {
    reasons: [{ rule: 'four-eyes', measured, limit: 'another admin', remedy }],
  });
}

function withExpiry(record: ApprovalRecord): ApprovalRecord {
  const over = record.state === 'pending' && Date.parse(record.expiresAt) <= Date.now();
  return over ? { ...record, state: 'expired' } : record;
}
