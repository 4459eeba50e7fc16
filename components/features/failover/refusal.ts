/** The first real reason why a target can't be promoted, as one sentence; null while nothing speaks against it. Pure. */
import { failureOf } from '../../feedback/failure';
import type { Preflight } from '../../providers/wire';
import { words } from '../../ui/format';

type Answer = Pick<Preflight, 'feasible' | 'candidates' | 'blockers'>;

export function refusalOf(preflight: Answer | undefined, error: unknown, target: string | null): string | null {
  if (target === null) return null;
  if (error) {
    const failure = failureOf(error);
    const reason = failure.reasons.find((one) => one.node === undefined || one.node === target);
    return reason ? reasonText(reason) : failure.message;
  }
  if (preflight === undefined) return null;
  const candidate = preflight.candidates.find((one) => one.node === target);
  const own = candidate?.checks.find((check) => !check.ok && check.severity === 'blocker');
  const blocker = own ?? (preflight.feasible ? undefined : preflight.blockers[0]);
  return blocker === undefined ? null : reasonText(blocker);
}

function reasonText(reason: {
  rule: string;
  measured: string | null;
  limit: string | null;
  remedy: string | null;
}): string {
  const measured = reason.measured === null ? '' : ` ${reason.measured}`;
  const limit = reason.limit === null ? '' : ` (limit ${reason.limit})`;
  return `${words(reason.rule)}:${measured}${limit}. ${reason.remedy ?? ''}`.trim();
}
