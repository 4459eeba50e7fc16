/**
 * `Idempotency-Key` for calls that are no operations (those keep theirs in the control store): the first answer is given again for 24 h;
 * the same key with another body is a conflict. In memory of this console, bounded.
 */
import { createHash } from 'node:crypto';
import { ClusterError } from '@/engine/kernel/errors';

const keptMs = 24 * 3_600_000;
const maxKeys = 10_000;

type Kept = { readonly fingerprint: string; readonly at: number; readonly answer: Promise<unknown> };

export class IdempotencyKeys {
  readonly #kept = new Map<string, Kept>();

  run(caller: string, key: string, meaning: unknown, call: () => Promise<unknown>): Promise<unknown> {
    const id = `${caller}/${key}`;
    const fingerprint = createHash('sha256').update(JSON.stringify(meaning)).digest('hex');
    const known = this.#kept.get(id);
    if (known && Date.now() - known.at < keptMs) {
      if (known.fingerprint === fingerprint) return known.answer;
      return Promise.reject(new ClusterError('CONFLICT', 'Idempotency-Key was used with another request'));
    }
    const answer = call();
    this.#kept.delete(id);
    this.#kept.set(id, { fingerprint, at: Date.now(), answer });
    // A failure may be tried again under the same key.
    answer.catch(() => this.#kept.delete(id));
    if (this.#kept.size > maxKeys) this.#kept.delete(this.#kept.keys().next().value!);
    return answer;
  }
}
