/**
 * Spans, as all parts of the product open them. Without an exporter (engine/monitoring/trace-export.ts) nothing is opened, allocated or followed:
 * `inSpan` runs its work and that is all. Invariants: a span ends exactly once; what fails carries the error's code; no value of a statement and no
 * secret becomes an attribute.
 */
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { isClusterError, messageOf } from './errors';

/** W3C trace context, version 00: what travels between processes and stands in the journal. */
export type Traceparent = string;

export type SpanRequest = {
  /** Of few different values: no ids in it. */
  readonly name: string;
  readonly kind?: 'server' | 'client' | 'internal';
  /** The span of another process or of an earlier time; absent: the active one. */
  readonly parent?: Traceparent | null;
  /** Only as part of something larger: without a parent no span is opened. */
  readonly within?: boolean;
  readonly attributes?: Attributes;
};

export type OpenSpan = {
  /** Null when nothing is recorded and nothing has to be passed on. */
  readonly traceparent: Traceparent | null;
  set(attributes: Attributes): void;
  fail(error: unknown): void;
};

const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

let exporting = false;
let tracer: Tracer;

/** Called once, when spans have somewhere to go. */
export function spansAreExported(are: boolean): void {
  exporting = are;
  // Only now: a tracer that was got before the exporter's packages were loaded would never learn of them.
  tracer = trace.getTracer('rustydb');
}

/** Whoever sends something else is answered as if they had sent nothing. */
export function parseTraceparent(text: unknown): Traceparent | null {
  return typeof text === 'string' && traceparentPattern.test(text) ? text : null;
}

export function activeTraceparent(): Traceparent | null {
  const span = exporting ? trace.getActiveSpan() : undefined;
  return span ? traceparentOf(span) : null;
}

/** For log lines: empty when there is no trace. */
export function traceFields(): { trace_id?: string; span_id?: string } {
  const span = exporting ? trace.getActiveSpan()?.spanContext() : undefined;
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

export function inSpan<T>(request: SpanRequest, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  if (!exporting) return work(passing(request.parent ?? null));
  const parent = parentOf(request);
  if (request.within && trace.getSpan(parent) === undefined) return work(passing(null));
  const options = { kind: kinds[request.kind ?? 'internal'], attributes: request.attributes };
  const span = tracer.startSpan(request.name, options, parent);
  return context.with(trace.setSpan(parent, span), async () => {
    try {
      return await work(recording(span));
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

function parentOf({ parent }: SpanRequest) {
  const match = parent ? traceparentPattern.exec(parent) : null;
  if (!match) return context.active();
  const [, traceId, spanId, flags] = match;
  const remote = { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) & 1, isRemote: true };
  return trace.setSpanContext(context.active(), remote);
}

function traceparentOf(span: Span): Traceparent {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function recording(span: Span): OpenSpan {
  return {
    traceparent: traceparentOf(span),
    set: (attributes) => void span.setAttributes(attributes),
    fail: (error) => markFailed(span, error),
  };
}

/** A process that exports nothing still hands the caller's context on to those that do. */
function passing(parent: Traceparent | null): OpenSpan {
  return parent === null ? notRecording : { ...notRecording, traceparent: parent };
}

const notRecording: OpenSpan = { traceparent: null, set: () => undefined, fail: () => undefined };

function markFailed(span: Span, error: unknown): void {
  const code = isClusterError(error) ? error.code : error instanceof Error ? error.name : 'error';
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
}

const longestStatement = 2000;

/** A statement as it may be told: its text, with `?` in place of every literal. */
export function withoutLiterals(statement: string): string {
  return statement
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, '?')
    .replaceAll(/\b[eE]'(?:[^'\\]|''|\\[\s\S])*'/g, '?')
    .replaceAll(/'(?:[^']|'')*'/g, '?')
    .replaceAll(/(?<![$\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g, '?')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, longestStatement);
}

/** One span per statement, by the conventions for databases; only as part of something larger. */
export function inSqlSpan<T>(statement: string, run: () => Promise<T>): Promise<T> {
  if (!exporting || trace.getActiveSpan() === undefined) return run();
  const text = withoutLiterals(statement);
  const operation = /^[A-Za-z]+/.exec(text)?.[0].toUpperCase() ?? 'SQL';
  const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': operation, 'db.query.text': text };
  return inSpan({ name: operation, kind: 'client', attributes }, async (span) => {
    try {
      return await run();
    } catch (error) {
      const state = (error as { code?: unknown } | null)?.code;
      if (typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state)) span.set({ 'db.response.status_code': state });
      throw error;
    }
  });
}
