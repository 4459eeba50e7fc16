/** The procedures of `events`: the event stream. */
import { stream } from './stream-events';

export const events = {
  stream,
} as const;
