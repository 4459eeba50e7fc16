/** An event's payload as one readable line. Pure. */
import { sentence, words } from '../../ui/format';
import { stateWord } from '../../ui/state-words';

type Event = {
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

const spoken = ['sentence', 'message', 'reason', 'detail'] as const;

export function eventText(event: Event): string {
  const { payload } = event;
  if (event.event_type === 'gap') return `events between ${event.from ?? '?'} and ${event.to ?? '?'} were missed`;
  if (event.event_type === 'node_health_change') {
    return `${text(payload, 'node_id') ?? 'A node'} is ${stateWord(text(payload, 'to') ?? 'unknown')}: ${text(payload, 'reason') ?? 'no reason was given'}`;
  }
  if (event.event_type === 'audit_recorded') return auditText(payload);
  for (const key of spoken) {
    const said = text(payload, key);
    if (said === null) continue;
    // The sentence was true while the problem lasted: told at its end, it must not read as if it still were.
    return payload.state === 'ended' ? `No longer: ${said}` : said;
  }
  if (typeof payload.operation_id === 'string') return operationText(payload);
  if ('from' in payload && 'to' in payload) return changeText(payload);
  return Object.entries(payload)
    .filter(([, value]) => value === null || typeof value !== 'object')
    .map(([key, value]) => `${words(key)} ${String(value)}`)
    .join(', ');
}

type Payload = Event['payload'];

function text(payload: Payload, key: string): string | null {
  const value = payload[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** What was left out of the events stands in the audit log all the same. */
function auditText(payload: Payload): string {
  const code = text(payload, 'code');
  const left = Number(payload.left_out ?? 0);
  const what = `${text(payload, 'actor') ?? 'somebody'}: ${text(payload, 'procedure') ?? 'a change'} ${stateWord(text(payload, 'outcome') ?? 'unknown')}`;
  return `${what}${code === null ? '' : ` (${code})`}${left > 0 ? `; ${left} more in the audit log` : ''}`;
}

function operationText(payload: Payload): string {
  const group = text(payload, 'group');
  const chosen = text(payload, 'chosen');
  const step = text(payload, 'title');
  const state = text(payload, step === null ? 'state' : 'step_state');
  const error = text(payload, 'error');
  const what = `${sentence(text(payload, 'kind') ?? 'operation')}${group === null ? '' : ` of ${group}`}`;
  return [
    `${what}${chosen === null ? '' : ` to ${chosen}`}`,
    ...(step === null ? [] : [step]),
    [...(state === null ? [] : [stateWord(state)]), ...(error === null ? [] : [error])].join(', '),
  ].join(': ');
}

function changeText(payload: Payload): string {
  const who = text(payload, 'replica_id') ?? text(payload, 'node_id') ?? text(payload, 'group') ?? '';
  const from = text(payload, 'from');
  return `${who}: ${from === null ? '' : `${stateWord(from)} → `}${stateWord(text(payload, 'to') ?? 'unknown')}`;
}
