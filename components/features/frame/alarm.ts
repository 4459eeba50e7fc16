/**
 * Which events interrupt whoever looks at another page. Pure. The engine alone judges what is expected: the passing states of a planned change come as
 * information while it keeps to its plan, and as critical as soon as it fails or overruns it. So nothing critical is held back here.
 */
import { stateWord } from '../../ui/state-words';

type Event = { readonly severity: string; readonly payload: Readonly<Record<string, unknown>> };

export function isAlarm(event: Event): boolean {
  return event.severity === 'critical' || event.severity === 'error';
}

/** Where its cause is shown. */
export function alarmHref({ payload }: Event): string {
  const text = (key: string) => (typeof payload[key] === 'string' ? encodeURIComponent(payload[key]) : null);
  const operation = text('operation_id');
  if (operation !== null) return `/operations/${operation}`;
  const node = text('node_id') ?? text('replica_id');
  return node === null ? '/' : `/nodes/${node}`;
}

type Problem = { readonly rule: string; readonly severity: string; readonly group: string | null };

type Running = {
  readonly kind: string;
  readonly group: string | null;
  readonly state: string;
  readonly request: Readonly<Record<string, unknown>>;
};

/** Groups that somebody's operation is changing now. A failover that the controller decided is none: there the outage is the news. */
export function changingGroups(operations: readonly Running[]): ReadonlySet<string> {
  const planned = operations.filter(
    ({ kind, state, request }) =>
      state === 'running' && !(kind === 'failover' && (request.mode !== 'switchover' || request.automatic != null)),
  );
  return new Set(planned.flatMap((operation) => operation.group ?? []));
}

/**
 * Writes pause on purpose and as planned: the engine says so, or a planned operation runs on the group and the engine finds nothing critical about it,
 * as between the promotion and the first acknowledgement. As soon as it finds something, it is an outage.
 */
export function isPlannedPause(problems: readonly Problem[], group: string, changing: ReadonlySet<string>): boolean {
  const own = problems.filter((one) => one.group === group);
  if (own.some((one) => one.rule === 'primary-changing')) return true;
  return changing.has(group) && !own.some((one) => one.severity === 'critical');
}

/** How a group takes writes, in a word. */
export function writeWord(group: { readonly writable: boolean; readonly degraded: boolean }, planned: boolean): string {
  if (group.writable) return stateWord(group.degraded ? 'degraded' : 'writable');
  return planned ? 'changing its primary' : 'no writes';
}
