/** The verdict in one word and where its cause is shown. Pure. */
import { stateWord } from '../../ui/state-words';
import type { Tone } from '../../ui/status';
import { isPlannedPause } from './alarm';

type Facts = {
  readonly has_quorum: boolean;
  readonly groups: readonly { readonly name: string; readonly writable: boolean; readonly degraded: boolean }[];
  readonly problems: readonly {
    readonly rule: string;
    readonly severity: string;
    readonly group: string | null;
    readonly node: string | null;
  }[];
  readonly failed_nodes: number;
  readonly degraded_nodes: number;
};

export type Verdict = { readonly tone: Tone; readonly word: string; readonly href: string };

/** A verdict that nobody has confirmed lately is the last one known, not the present one. */
export function asKnown(verdict: Verdict, stale: boolean): Verdict {
  return stale ? { ...verdict, tone: 'idle', word: `Unknown, last ${verdict.word}` } : verdict;
}

type Told = {
  readonly sentence: string;
  readonly problems: readonly { readonly severity: string }[];
  readonly nodes: readonly { readonly id: string; readonly status: string; readonly status_reason: string }[];
};

const named = 3;

/** The engine's sentence tells problems; a node that is unwell without being one, such as a standby whose replay was paused, is told here. */
export function verdictSentence(told: Told): string {
  if (told.problems.some((problem) => problem.severity !== 'info')) return told.sentence;
  const unwell = told.nodes.filter((node) => node.status === 'degraded' || node.status === 'unhealthy');
  if (unwell.length === 0) return told.sentence;
  const shown = unwell.slice(0, named).map((node) => `${node.id} is ${stateWord(node.status)}: ${node.status_reason}`);
  const rest = unwell.length - shown.length;
  return `${shown.join(' ')}${rest > 0 ? ` And ${rest} more.` : ''}`;
}

/** Worst first: no writes, no quorum, critical, failed nodes, then what merely needs attention. */
export function verdictOf(facts: Facts, changing: ReadonlySet<string>): Verdict {
  const paused = facts.groups.filter((group) => !group.writable);
  const dark = paused.filter((group) => !isPlannedPause(facts.problems, group.name, changing));
  if (dark.length > 0) {
    const names = dark.map((group) => group.name).join(', ');
    return { tone: 'bad', word: `${names}: no writes`, href: '/failover' };
  }
  if (!facts.has_quorum) return { tone: 'bad', word: 'No control majority', href: '/consensus' };
  const critical = facts.problems.find((problem) => problem.severity === 'critical');
  if (critical) return { tone: 'bad', word: 'Critical', href: critical.node ? `/nodes/${critical.node}` : '/' };
  // On purpose and in time: its progress is the news, not an outage.
  if (paused.length > 0) {
    return {
      tone: 'busy',
      word: `${paused.map((group) => group.name).join(', ')}: changing primary`,
      href: '/operations',
    };
  }
  if (facts.failed_nodes > 0) return { tone: 'warn', word: 'Degraded', href: '/nodes' };
  const degraded = facts.groups.some((group) => group.degraded) || facts.degraded_nodes > 0;
  if (degraded || facts.problems.some((problem) => problem.severity === 'warning')) {
    return { tone: 'warn', word: 'Degraded', href: '/' };
  }
  return { tone: 'ok', word: 'Healthy', href: '/' };
}
