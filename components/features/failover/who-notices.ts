/** What a failover means for those around it, from the plan and the live view. Pure. */
import { counted } from '../../ui/counted';
import { formatDuration } from '../../ui/format';

type Plan = {
  readonly group: string;
  readonly mode: string;
  readonly primary: string | null;
  readonly target: string | null;
  readonly expected_pause_ms: number | null;
};
type View = {
  readonly nodes: readonly { readonly id: string; readonly group: string; readonly connections: number }[];
};

export type Notice = { readonly who: string; readonly what: string };

export function whoNotices(plan: Plan, view: View): readonly Notice[] {
  const pause = plan.expected_pause_ms === null ? 'a moment' : `about ${formatDuration(plan.expected_pause_ms)}`;
  const open = view.nodes.find((node) => node.id === plan.primary)?.connections ?? 0;
  const notices: Notice[] = [
    {
      who: `New connections to ${plan.group}-rw`,
      what: `Wait ${pause} at the router, then reach ${plan.target ?? 'the new primary'}.`,
    },
    {
      who: `${counted(open, 'open session')} on ${plan.primary ?? 'the old primary'}`,
      what:
        plan.mode === 'switchover'
          ? 'End once, with SQLSTATE 57P01, after the drain time. A COMMIT in flight has an unknown outcome: retry it idempotently.'
          : 'Are lost with the old primary. A COMMIT in flight has an unknown outcome: retry it idempotently.',
    },
    { who: `Readers on ${plan.group}-ro`, what: 'Go on; standbys follow the new primary without a restart.' },
  ];
  if (plan.primary !== null) {
    notices.push({ who: plan.primary, what: 'Comes back as a standby by itself.' });
  }
  return notices;
}
