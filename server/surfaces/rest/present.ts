/** From a procedure's output to a REST answer: bare lists with a Link header, 202 for operations, RustyDB's older shapes. */
import type { AnyDefinition } from '@/server/procedures/definition';
import type { WireOperation } from '@/server/procedures/shared/wire-operation';
import { operation } from '@/server/procedures/shared/wire-operation';
import { awaitOperation } from '../await-operation';
import type { CallContext } from '../call-context';
import { apiPrefix } from './routes';

export type RestAnswer = {
  readonly status: number;
  /** Undefined: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export function isOperationOutput(definition: AnyDefinition): boolean {
  return definition.output === operation;
}

export function isPageOutput(definition: AnyDefinition): boolean {
  const { def } = definition.output._zod as unknown as { def: { type: string; shape?: object } };
  return def.type === 'object' && def.shape !== undefined && 'items' in def.shape && 'next_cursor' in def.shape;
}

export async function presentRest(
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  output: unknown,
  context: CallContext,
  url: URL,
): Promise<RestAnswer> {
  if (definition.kind === 'mutation' && isOperationOutput(definition)) {
    return presentMutation(definition, input, output as WireOperation, context);
  }
  if (isPageOutput(definition)) return presentPage(output as RestPage, url, definition.rest?.wrappedAs);
  const status = definition.rest?.status ?? 200;
  return status === 204 ? { status } : { status, body: output };
}

export type RestPage = {
  readonly items: unknown[];
  readonly next_cursor: string | null;
  readonly total_count: number | null;
  /** What is missing from the list and why. */
  readonly notice?: string | null;
};

export function presentPage(page: RestPage, url: URL, wrappedAs?: string): RestAnswer {
  const headers = { ...nextPage(page, url), ...(page.notice ? { 'X-Notice': page.notice } : {}) };
  const body = wrappedAs === undefined ? page.items : { [wrappedAs]: page.items, total_count: page.total_count };
  return { status: 200, body, ...(Object.keys(headers).length > 0 ? { headers } : {}) };
}

function nextPage(page: RestPage, url: URL): { readonly Link?: string } {
  if (page.next_cursor === null) return {};
  const next = new URLSearchParams(url.searchParams);
  next.set('cursor', page.next_cursor);
  return { Link: `<${url.pathname}?${next}>; rel="next"` };
}

async function presentMutation(
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  started: WireOperation,
  context: CallContext,
): Promise<RestAnswer> {
  const { legacy } = definition;
  if (started.state === 'planned' || definition.rest?.status === 200) return { status: 200, body: started };
  const accepted = { status: 202, body: started, headers: { Location: `${apiPrefix}/operations/${started.id}` } };
  if (!legacy || legacy.waits?.(input) === false) return accepted;
  const done = await awaitOperation(context, started.id);
  if (done === null) return accepted;
  if (legacy.output === null) return { status: legacy.status };
  return { status: legacy.status, body: await legacy.present(done, context) };
}
