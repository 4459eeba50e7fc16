/** Who blocks whom: depth in the chain and how many wait behind a session. Safe against cycles (a deadlock in the making). Pure. */

type Waiter = { readonly pid: number; readonly blocked_by: readonly number[] };

/** How many sessions wait for this one, directly or not. */
export function waitersBehind(sessions: readonly Waiter[], pid: number): number {
  const reached = new Set<number>([pid]);
  const queue = [pid];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const session of sessions) {
      if (reached.has(session.pid) || !session.blocked_by.includes(next)) continue;
      reached.add(session.pid);
      queue.push(session.pid);
    }
  }
  return reached.size - 1;
}

/** Sessions that block others but wait for nobody: ending one of these frees the rest. */
export function rootBlockers<S extends Waiter>(sessions: readonly S[]): readonly S[] {
  const blockers = new Set(sessions.flatMap((session) => session.blocked_by));
  return sessions
    .filter((session) => blockers.has(session.pid) && session.blocked_by.length === 0)
    .sort((a, b) => waitersBehind(sessions, b.pid) - waitersBehind(sessions, a.pid));
}
