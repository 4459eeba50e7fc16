/** An event's payload as one readable line. Pure. */
import { words } from '../../ui/format';

type Event = {
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

const spoken = ['sentence', 'message', 'reason', 'detail'] as const;

export function eventText(event: Event): string {
  if (event.event_type === 'gap') return `events between ${event.from ?? '?'} and ${event.to ?? '?'} were missed`;
  for (const key of spoken) {
    const text = event.payload[key];
    if (typeof text === 'string' && text !== '') return text;
  }
  return Object.entries(event.payload)
    .filter(([, value]) => value === null || typeof value !== 'object')
    .map(([key, value]) => `${words(key)} ${String(value)}`)
    .join(', ');
}
