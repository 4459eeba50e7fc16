/**
 * Any list as a file: one JSON object a line (NDJSON), or CSV. Without `limit` and `cursor` it is the whole list, page after page under the
 * caller's limits and rights, held by one page at a time. Invariant: an answer that ends in order is whole; what can't be completed is cut
 * off in the middle of the transfer, which every HTTP client reports.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import Negotiator from 'negotiator';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';
import { type FileFormat, fileFormats, fileTypes, formatKey } from '@/server/procedures/file-formats';
import type { CallContext } from '../call-context';
import { asLongAsAllowed, invoke, openWhole } from '../invoke';
import { takesGzip } from './hot-cache';
import { isPageOutput, presentPage, type RestPage } from './present';

const longestPage = 1000;
const itemsPerChunk = 500;
/** A reader that takes nothing for this long is cut. */
const stalledMs = 60_000;
/** Times that one page waits for the caller's rate limit before the file is given up. */
const mostWaits = 30;
const mostAtOnce = 8;

/** The query without what chooses the form. */
export function withoutFormat(definition: AnyDefinition, search: URLSearchParams): URLSearchParams {
  const rest = new URLSearchParams(search);
  if (isPageOutput(definition)) rest.delete(formatKey);
  return rest;
}

/**
 * Null: as JSON. The query goes before the header `Accept`, because a link can't set one.
 * @throws INVALID_INPUT for a format that there is not
 */
export function fileFormatOf(definition: AnyDefinition, request: IncomingMessage, search: URLSearchParams) {
  if (definition.kind !== 'query' || !isPageOutput(definition)) return null;
  const asked = search.getAll(formatKey);
  if (asked.length === 0) {
    const [best] = new Negotiator(request).mediaTypes(['application/json', ...Object.values(fileTypes)]);
    return fileFormats.find((format) => fileTypes[format] === best) ?? null;
  }
  const format = ['json', ...fileFormats].find((one) => asked.length === 1 && one === asked[0]);
  if (format === undefined) {
    const message = 'json, ndjson or csv';
    throw new ClusterError('INVALID_INPUT', `${formatKey}: ${message}`, {
      extra: { fields: [{ field: formatKey, message }] },
    });
  }
  return format === 'json' ? null : (format as FileFormat);
}

type Call = {
  readonly definition: AnyDefinition;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: CallContext;
  readonly url: URL;
};

/** Files that are being sent now. */
let sending = 0;

export async function sendListFile(
  call: Call,
  format: FileFormat,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (sending >= mostAtOnce) {
    throw new ClusterError('RATE_LIMITED', `${mostAtOnce} lists are being sent as files; try again in 5 s`, {
      extra: { retry_after: 5, limit: mostAtOnce, remaining: 0, reset: Math.ceil(Date.now() / 1000) + 5 },
    });
  }
  sending++;
  let close: Opened['close'] = async () => undefined;
  try {
    const { chunks, headers, close: closeFiles } = await opened(call);
    close = closeFiles;
    const gzip = takesGzip(request.headers['accept-encoding']);
    response.writeHead(200, {
      'Content-Type': `${fileTypes[format]}; charset=utf-8`,
      'Content-Disposition': `attachment; filename="${fileName(call.definition, format)}"`,
      'Cache-Control': 'no-store',
      Vary: 'Accept, Accept-Encoding',
      ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
      ...headers,
    });
    if (request.method === 'HEAD') return void response.end();
    response.setTimeout(stalledMs, () => response.destroy());
    const text = Readable.from(format === 'csv' ? csvOf(call.definition, chunks) : ndjsonOf(chunks));
    await (gzip ? pipeline(text, createGzip(), response) : pipeline(text, response)).catch((error: unknown) => {
      const gone = call.context.signal.aborted && !isClusterError(error);
      const { logger } = call.context.gate;
      const about = { requestId: call.context.requestId, procedure: call.definition.name };
      if (!gone) logger.warn({ err: error, ...about }, 'a list could not be sent whole as a file');
    });
  } finally {
    sending--;
    await close();
  }
}

type Opened = {
  readonly chunks: AsyncIterable<readonly unknown[]>;
  /** Whether or not the chunks were read: what was opened for them is closed. */
  close(): Promise<void>;
  readonly headers: Readonly<Record<string, string>>;
};

/** What is wrong from the start is refused before a byte is sent: the first items are there when this returns. */
async function opened(call: Call): Promise<Opened> {
  const { definition, input, context, url } = call;
  if ('limit' in input || 'cursor' in input) {
    const page = (await invoke(definition, input, context)) as RestPage;
    const { headers = {} } = presentPage(page, url);
    return { chunks: justThis(readingOrder(definition, page)), headers, close: async () => undefined };
  }
  if (definition.whole) {
    const items = inChunks(await openWhole(definition, input, context, context.signal));
    const first = await items.next();
    return { chunks: goingOn(first, items), headers: {}, close: async () => void (await items.return()) };
  }
  const first = (await invoke(definition, { ...input, limit: longestPage }, context)) as RestPage;
  const { headers = {} } = presentPage({ ...first, next_cursor: null }, url);
  const chunks = asLongAsAllowed(context, (until) => following(call, first, until));
  return { chunks, headers, close: async () => undefined };
}

async function* following(call: Call, first: RestPage, signal: AbortSignal): AsyncGenerator<readonly unknown[], void> {
  const { definition, input, context } = call;
  yield readingOrder(definition, first);
  for (let cursor = first.next_cursor; cursor !== null; ) {
    const page = await withinLimits(signal, () =>
      invoke(definition, { ...input, limit: longestPage, cursor }, context),
    );
    // The headers have gone: what only now turns out to be missing can't be told any more.
    if (page.notice && !first.notice) throw new ClusterError('UNAVAILABLE', page.notice);
    yield readingOrder(definition, page);
    cursor = page.next_cursor;
  }
}

/** Where each page ends with its newest line, the file has the newest first: the order in which the pages come. */
function readingOrder(definition: AnyDefinition, { items }: RestPage): readonly unknown[] {
  return definition.pagesBackwards ? items.toReversed() : items;
}

async function withinLimits(signal: AbortSignal, ask: () => Promise<unknown>): Promise<RestPage> {
  for (let waits = 0; ; waits++) {
    try {
      return (await ask()) as RestPage;
    } catch (error) {
      if (!isClusterError(error) || error.code !== 'RATE_LIMITED' || waits >= mostWaits) throw error;
      await delay(Number(error.details.extra?.retry_after ?? 1) * 1000, undefined, { signal });
    }
  }
}

async function* justThis(items: readonly unknown[]): AsyncGenerator<readonly unknown[], void> {
  yield items;
}

async function* inChunks(items: AsyncIterable<unknown>): AsyncGenerator<readonly unknown[], void> {
  let chunk: unknown[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < itemsPerChunk) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

async function* goingOn(
  first: IteratorResult<readonly unknown[], void>,
  rest: AsyncGenerator<readonly unknown[], void>,
): AsyncGenerator<readonly unknown[], void> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function* ndjsonOf(chunks: AsyncIterable<readonly unknown[]>): AsyncGenerator<string, void> {
  for await (const chunk of chunks) yield chunk.map((item) => `${JSON.stringify(item)}\n`).join('');
}

/** RFC 4180, with a line of names; what is not plain is JSON in its cell. */
async function* csvOf(
  definition: AnyDefinition,
  chunks: AsyncIterable<readonly unknown[]>,
): AsyncGenerator<string, void> {
  const columns = columnsOf(definition);
  yield stringify([columns], { record_delimiter: 'windows' });
  for await (const chunk of chunks) {
    yield stringify(chunk as Record<string, unknown>[], {
      columns: columns.map((key) => ({ key })),
      record_delimiter: 'windows',
      cast: { boolean: String, string: inert },
    });
  }
}

/** A spreadsheet takes a text that starts like this for a formula, and callers write into logs. */
function inert(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function columnsOf(definition: AnyDefinition): string[] {
  type Def = { readonly shape?: Record<string, { _zod: { def: Def } }>; readonly element?: { _zod: { def: Def } } };
  const { shape } = (definition.output._zod as unknown as { def: Def }).def;
  const columns = shape?.items?._zod.def.element?._zod.def.shape;
  if (columns === undefined) throw new Error(`${definition.name}: a list of what has no fields`);
  return Object.keys(columns);
}

function fileName(definition: AnyDefinition, format: FileFormat): string {
  const at = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  return `${definition.name.replaceAll('.', '-')}-${at}Z.${format}`;
}
