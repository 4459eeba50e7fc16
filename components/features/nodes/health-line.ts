/** One health check as a line: what was not measured is neither good nor bad. Pure. */

import { limitText, measureText, ruleName } from '../../feedback/check-text';
import { formatDuration } from '../../ui/format';
import type { Tone } from '../../ui/status';

export type HealthCheck = {
  readonly name: string;
  readonly ok: boolean;
  readonly status?: 'ok' | 'failed' | 'unknown';
  readonly measured: string | null;
  readonly limit: string | null;
};

const reports = 'agent-reports';

/** The checks are asked for now and then; that a node has fallen silent since is known live. */
export function seenLive(checks: readonly HealthCheck[], silentMs: number | null): readonly HealthCheck[] {
  if (silentMs === null) return checks;
  return checks.map((check) =>
    check.name === reports ? { ...check, ok: false, measured: formatDuration(silentMs) } : check,
  );
}

export function isSilent(checks: readonly HealthCheck[]): boolean {
  return checks.some((check) => check.name === reports && !check.ok);
}

type Line = {
  readonly tone: Tone;
  readonly word: string;
  readonly name: string;
  readonly measured: string;
  readonly limit: string | null;
};

/** The checks of a node that is silent now tell its past, but for the one that says so. */
export function healthLine(check: HealthCheck, silent: boolean): Line {
  const past = silent && check.name !== reports;
  const unknown = check.status === 'unknown' || (check.ok && (check.measured === null || past));
  return {
    tone: unknown ? 'idle' : check.ok ? 'ok' : 'bad',
    word: unknown ? 'not known now' : check.ok ? 'passes' : 'fails',
    name: ruleName(check.name),
    measured: check.measured === null ? 'unknown' : measureText(check.measured),
    limit: limitText(check.limit, check.measured),
  };
}
