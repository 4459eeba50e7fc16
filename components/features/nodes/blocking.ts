/** Who blocks whom: depth in the chain and how many wait behind a session. Safe against cycles (a deadlock in the making). Pure. */

type Waiter = { readonly pid: number; readonly blocked_by: readonly number[] };

type Blocked = {
  readonly blocked_by: readonly number[];
  readonly blocked_by_prepared?: readonly { readonly gid: string }[];
};

/** As a person reads it: process ids, and prepared transactions by name, since they have no process. */
export function blockersOf({ blocked_by, blocked_by_prepared = [] }: Blocked): readonly string[] {
  const named = blocked_by_prepared.map(({ gid }) => `prepared transaction ${gid}`);
  const pids = blocked_by.filter((pid) => pid !== 0).map(String);
  return named.length > 0 || !blocked_by.includes(0) ? [...pids, ...named] : [...pids, 'a prepared transaction'];
}

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
