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

type Problem = { readonly rule: string; readonly group: string | null };

/** The engine's own word for a pause on purpose that keeps to its plan. */
export function isPlannedPause(problems: readonly Problem[], group: string): boolean {
  return problems.some((one) => one.rule === 'primary-changing' && one.group === group);
}

/** How a group takes writes, in a word. */
export function writeWord(group: { readonly writable: boolean; readonly degraded: boolean }, planned: boolean): string {
  if (group.writable) return stateWord(group.degraded ? 'degraded' : 'writable');
  return planned ? 'changing its primary' : 'no writes';
}
