/**
 * What is worth knowing comes and goes within a second on a busy host. Kept for a while after it was last so, in the order in which it came, so that the
 * list can be read and pushes nothing about. Pure. Invariant: only what tells of a moment that is past anyway stays on; everything else goes when it is
 * over.
 */

type Known = { readonly rule: string; readonly node: string | null; readonly group: string | null };
export type Lingering<P> = { readonly key: string; readonly problem: P; readonly lastAtMs: number };

const lingerMs = 30_000;
/** Their sentences are about a moment: `was blocked for 23 ms`. */
const momentary: ReadonlySet<string> = new Set(['agent-stalled']);
/** The longest gone make room. */
const most = 50;

export function linger<P extends Known>(
  before: readonly Lingering<P>[],
  now: readonly P[],
  nowMs: number,
): readonly Lingering<P>[] {
  const present = new Map(now.map((problem) => [keyOf(problem), problem]));
  const kept = before.flatMap((one) => {
    const problem = present.get(one.key);
    present.delete(one.key);
    if (problem !== undefined) return [{ key: one.key, problem, lastAtMs: nowMs }];
    return momentary.has(one.problem.rule) && nowMs - one.lastAtMs < lingerMs ? [one] : [];
  });
  const come = [...present].map(([key, problem]) => ({ key, problem, lastAtMs: nowMs }));
  return [...kept, ...come].slice(-most);
}

function keyOf({ rule, node, group }: Known): string {
  return `${rule} ${node ?? ''} ${group ?? ''}`;
}
