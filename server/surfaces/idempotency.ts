/**
 * `Idempotency-Key` of changes that are done when they are answered (operations keep theirs in their journal): the same key and request
 * within 24 h changes nothing again and gets the first answer, on every surface and console. Kept in the control store, written before the
 * effect. Invariants: nothing runs twice under one key; what began and was never seen to end is said so, not repeated; a secret that an
 * answer shows once is not kept.
 *
 * Crash points: before the claim is written nothing happened; after it and before the answer is kept, the outcome is unknown and the key
 * stays claimed until it runs out.
 */
import { createHash } from 'node:crypto';
import { keys } from '@/engine/cluster/model';
import type { Json } from '@/engine/control/store';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import { ControlRecords } from '@/server/auth/control-records';
import type { EngineClient } from '@/server/engine-client/api';
import type { AnyDefinition } from '@/server/procedures/definition';
import { isOperationOutput } from './rest/present';

const keptMs = 24 * 3_600_000;
const mostKept = 10_000;

/** Stored under idempotent-calls/<hash of caller and key>. */
type KeptCall = {
  readonly fingerprint: string;
  readonly at: string;
  /** Absent: it began, and nobody knows how it ended. Null: it ended well, and its answer held a secret. */
  readonly answer?: { readonly body: Json } | null;
};

/** What needs no majority changes nothing that a repetition would change again. */
export function keepsAnswers(definition: AnyDefinition): boolean {
  return definition.kind === 'mutation' && !definition.local && !isOperationOutput(definition);
}

export class IdempotentCalls {
  readonly #records: ControlRecords<KeptCall>;
  /** Of this console, now: a repetition that comes meanwhile gets the same answer. */
  readonly #running = new Map<string, { readonly fingerprint: string; readonly answer: Promise<unknown> }>();

  constructor(
    engine: EngineClient,
    private readonly nowMs: () => number = Date.now,
  ) {
    this.#records = new ControlRecords(engine, keys.idempotentCalls);
  }

  /** @throws CONFLICT for another request under the key, or one whose end nobody knows */
  run(caller: string, key: string, meaning: unknown, call: () => Promise<unknown>): Promise<unknown> {
    const id = sha256(JSON.stringify([caller, key])).slice(0, 40);
    const fingerprint = sha256(JSON.stringify(meaning));
    const running = this.#running.get(id);
    if (running) return running.fingerprint === fingerprint ? running.answer : Promise.reject(usedOtherwise());
    const answer = this.#once(id, fingerprint, call).finally(() => this.#running.delete(id));
    this.#running.set(id, { fingerprint, answer });
    return answer;
  }

  /** Removes what has run out. */
  async tidy(): Promise<void> {
    const old = [...(await this.#records.byId())].filter(([, one]) => this.#hasRunOut(one));
    await this.#records.write(old.map(([id]) => this.#records.removing(id)));
  }

  async #once(id: string, fingerprint: string, call: () => Promise<unknown>): Promise<unknown> {
    const held = await this.#records.held(id);
    if (held && !this.#hasRunOut(held.record)) return answerOf(held.record, fingerprint);
    if ((await this.#records.byId()).size >= mostKept) throw tooMany();
    const begun: KeptCall = { fingerprint, at: new Date(this.nowMs()).toISOString() };
    // Somebody else was faster: theirs is the call.
    if (!(await this.#records.put(id, held?.modRevision ?? 0, begun))) {
      const winner = await this.#records.held(id);
      if (winner) return answerOf(winner.record, fingerprint);
      throw usedOtherwise();
    }
    let answer: unknown;
    try {
      answer = await call();
    } catch (error) {
      const unknown = isClusterError(error) && error.details.extra?.outcome === 'unknown';
      // What was refused may be tried again under the same key.
      if (!unknown) await this.#records.write([this.#records.removing(id)]).catch(() => undefined);
      throw error;
    }
    const kept = holdsSecret(answer) ? null : { body: (answer ?? null) as Json };
    // It is done, whatever becomes of the record: without it a repetition is told that the end is unknown.
    await this.#records.write([this.#records.putting(id, { ...begun, answer: kept })]).catch(() => undefined);
    return answer;
  }

  #hasRunOut(one: KeptCall): boolean {
    return this.nowMs() - Date.parse(one.at) > keptMs;
  }
}

function answerOf({ fingerprint, at, answer }: KeptCall, asked: string): unknown {
  if (fingerprint !== asked) throw usedOtherwise();
  if (answer) return answer.body;
  if (answer === null) {
    throw new ClusterError(
      'CONFLICT',
      `Done already at ${at} under this Idempotency-Key; its answer held a secret, which is shown once`,
    );
  }
  throw new ClusterError(
    'CONFLICT',
    `A call under this Idempotency-Key began at ${at} and its end is not known: it still runs, or its console ended. Look at what it changes, then use another key`,
    { extra: { outcome: 'unknown' } },
  );
}

function holdsSecret(answer: unknown): boolean {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    Object.keys(answer).some((key) => /^(secret|token|password)$/.test(key))
  );
}

function usedOtherwise(): ClusterError {
  return new ClusterError('CONFLICT', 'Idempotency-Key was used with another request');
}

function tooMany(): ClusterError {
  return new ClusterError(
    'RATE_LIMITED',
    `${mostKept} Idempotency-Keys are kept for a day; leave the header out, or wait`,
    {
      extra: { retry_after: 60, limit: mostKept, remaining: 0, reset: Math.ceil(Date.now() / 1000) + 60 },
    },
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
