/**
 * Which backend a CancelRequest is meant for. The router passes the server's own keys on to the client (so a driver's process id stays the
 * one that pg_stat_activity shows) and remembers them. Invariant: a cancel reaches a backend only with the whole key, and never a guess:
 * when two servers happened to give out the same process id and key, neither is cancelled.
 */

function textOf(processId: number, secret: Uint8Array): string {
  let text = `${processId}:`;
  for (const byte of secret) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** One entry per session, so bounded by the number of sessions. */
export class CancelKeys<Session> {
  readonly #sessions = new Map<string, Set<Session>>();

  get size(): number {
    return this.#sessions.size;
  }

  /** Returns the function that forgets the key again. */
  add(processId: number, secret: Uint8Array, session: Session): () => void {
    const key = textOf(processId, secret);
    const sessions = this.#sessions.get(key) ?? new Set<Session>();
    sessions.add(session);
    this.#sessions.set(key, sessions);
    return () => {
      sessions.delete(session);
      if (sessions.size === 0 && this.#sessions.get(key) === sessions) this.#sessions.delete(key);
    };
  }

  find(processId: number, secret: Uint8Array): Session | null {
    const sessions = this.#sessions.get(textOf(processId, secret));
    if (sessions === undefined || sessions.size !== 1) return null;
    const [only] = sessions;
    return only ?? null;
  }
}
