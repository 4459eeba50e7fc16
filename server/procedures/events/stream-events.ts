/** The event stream, resumable; a gap is told, never silent. */
import { z } from 'zod';
import { resumableSubscription } from '../definition';
import { requireEventId, streamEvents } from '../shared/event-stream';
import { groupName, nodeId } from '../shared/primitives';
import { clusterEvent, eventCategory, eventSeverity, eventType } from '../shared/wire-event';

export const stream = resumableSubscription({
  name: 'events.stream',
  summary: 'Event stream, resumable',
  description: 'Over HTTP as server-sent events; reconnect with Last-Event-ID to miss nothing that is still buffered.',
  rest: { method: 'GET', path: '/events' },
  graphql: { field: 'clusterEvents' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({
    last_event_id: z.string().max(100).optional().meta({ description: 'Resume after this event' }),
    recent: z
      .int()
      .min(0)
      .max(500)
      .optional()
      .meta({ description: 'Begin with as many of the newest that are still buffered; not with last_event_id' }),
    categories: z.array(eventCategory).optional().meta({ description: 'Only these' }),
    event_types: z.array(eventType).max(100).optional().meta({ description: 'Only these' }),
    groups: z.array(groupName).max(100).optional().meta({ description: 'Only events of these groups' }),
    node_ids: z.array(nodeId).max(200).optional().meta({ description: 'Only events that name one of these nodes' }),
    min_severity: eventSeverity.optional().meta({ description: 'This severity and above' }),
  }),
  output: clusterEvent,
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  eventId: (event) => event.event_id,
  handler({ input, context }) {
    // Before there is a stream: a client that is told inside it would come back with the same id for ever.
    requireEventId(input.last_event_id);
    return streamEvents(context, input);
  },
});
