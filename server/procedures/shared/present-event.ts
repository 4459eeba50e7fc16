/** Events in the wire's envelope. */
import type { z } from 'zod';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { clusterEvent } from './wire-event';

export type WireEvent = z.output<typeof clusterEvent>;

const presented = new WeakMap<EngineEvent, WireEvent>();

/** The same object for the same event, so that whoever serialises can do so once for all readers. */
export function presentEvent(event: EngineEvent): WireEvent {
  const known = presented.get(event);
  if (known) return known;
  const wire = toWire(event);
  presented.set(event, wire);
  return wire;
}

function toWire(event: EngineEvent): WireEvent {
  return {
    category: event.category,
    event_type: event.eventType,
    payload: { ...event.payload },
    severity: event.severity,
    source: event.source,
    timestamp: Math.floor(Date.parse(event.timestamp) / 1000),
    event_id: event.eventId,
  };
}

export function presentGap(from: string, to: string): WireEvent {
  return {
    category: 'alert',
    event_type: 'gap',
    payload: { from, to },
    severity: 'warning',
    source: 'console',
    timestamp: Math.floor(Date.now() / 1000),
    event_id: from,
    from,
    to,
  };
}
