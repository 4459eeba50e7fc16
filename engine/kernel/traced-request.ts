/** The trace context beside the parameters of a request between processes; it is taken off before anybody else looks at them. */
import { activeTraceparent, inSpan, parseTraceparent, type Traceparent } from './tracing';

/** Reserved: no request has a parameter of this name. */
const field = 'traceparent';

export function withTrace<P extends object>(params: P): P {
  const traceparent = activeTraceparent();
  return traceparent === null ? params : { ...params, [field]: traceparent };
}

export function withoutTrace(payload: unknown): { readonly params: unknown; readonly traceparent: Traceparent | null } {
  if (typeof payload !== 'object' || payload === null || !(field in payload))
    return { params: payload, traceparent: null };
  const { [field]: sent, ...params } = payload;
  return { params, traceparent: parseTraceparent(sent) };
}

/** Answers a request within the trace it came with. */
export function answerTraced<T>(
  method: string,
  payload: unknown,
  answer: (params: unknown) => Promise<T> | T,
): Promise<T> {
  const { params, traceparent } = withoutTrace(payload);
  if (traceparent === null) return Promise.resolve(answer(params));
  return inSpan({ name: method, kind: 'server', parent: traceparent, within: true }, async () => answer(params));
}
