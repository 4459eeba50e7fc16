/**
 * What a procedure is: one API call, defined once. tRPC, REST, OpenAPI, GraphQL, audit, rate limits and metrics derive from this record
 * and from nothing else, so they cannot drift apart.
 */
import type { z } from 'zod';
import type { ErrorCode } from '@/engine/kernel/errors';
import type { Operation } from '@/engine/operations/model';
import type { ProcedureContext } from './context';

export type Role = 'viewer' | 'operator' | 'admin';
export type Access = Role | 'anonymous';
/** `read`: from memory · `node`: asks a node · `write`: changes something · `login`: guarded by the sign-in throttle too. */
export type RateClass = 'read' | 'node' | 'write' | 'login';
export type Kind = 'query' | 'mutation' | 'subscription';
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export type RestBinding = {
  readonly method: Method;
  readonly path: `/${string}`;
  /** Status of success; an operation that was not planned only answers 202 by itself. */
  readonly status?: 200 | 201 | 204;
  /** Further paths, kept for RustyDB's clients, deprecated in OpenAPI. */
  readonly aliases?: readonly { readonly method: Method; readonly path: `/${string}` }[];
  /** RustyDB's older shape of a list: the page is not bare but `{<wrappedAs>: […], total_count}`. */
  readonly wrappedAs?: string;
};

export type GraphqlBinding = {
  readonly field: string;
  /** `input`: one argument `input` holds everything that is not in the path; `flat` (default): one argument per key. */
  readonly style?: 'flat' | 'input';
  /** Type name where the field's differs from the output's own. */
  readonly typeName?: string;
  /** The field may be null: NOT_FOUND answers null instead of an error. */
  readonly nullable?: boolean;
  /** Input keys by their GraphQL names, where graphql.graphql names them differently. */
  readonly rename?: Readonly<Record<string, string>>;
};

/**
 * RustyDB's older shape of a call that is an operation underneath: REST and the GraphQL field wait for the operation and answer this.
 * `present` is called only when the operation succeeded.
 */
export type LegacyShape<B> = {
  readonly status: 200 | 201 | 204;
  /** Null: no body on REST, `true` in GraphQL. */
  readonly output: z.ZodType<B> | null;
  /** When false for this input, REST answers 202 with the operation instead of waiting. Default: wait. */
  readonly waits?: (input: Readonly<Record<string, unknown>>) => boolean;
  present(operation: Operation, context: ProcedureContext): B | Promise<B>;
  /** What the GraphQL field answers, where it is only a part of the REST body. */
  readonly graphql?: { readonly output: z.ZodType; of(body: B): unknown };
};

type Base<I extends z.ZodType, O extends z.ZodType> = {
  /** `area.verbNoun`. */
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly rest: RestBinding | null;
  readonly graphql: GraphqlBinding | null;
  readonly role: Access;
  readonly rate: RateClass;
  readonly input: I;
  readonly output: O;
  readonly errors: readonly ErrorCode[];
  /** An input that works on a default cluster; shown in the docs and executed by tests (mutations as a dry run where they have one). */
  readonly example: z.input<I>;
  /** Keys of the input whose truth makes it admin only (force paths). */
  readonly adminKeys?: readonly string[];
  /** Whether this input uses force beyond what `adminKeys` say (server/auth/force-paths.ts). */
  readonly forcePath?: (input: Readonly<Record<string, unknown>>) => boolean;
  /** A person must have given the password a moment ago: what hands out power, or uses it up; a function where it depends on the input. */
  readonly needsProof?: boolean | ((input: Readonly<Record<string, unknown>>) => boolean);
  /** A query that is audited like a change. */
  readonly audited?: boolean;
  /** What a key that the input does not have is called in the refusal. */
  readonly unknownKey?: (key: string) => string;
  /** Keys of the input that never reach log or audit. */
  readonly secretKeys?: readonly string[];
  /** Keys that are no secrets but people's data: they don't reach log or audit either. */
  readonly unloggedKeys?: readonly string[];
  /** An answer that is a list and has no pages: it never has more items, by its nature. Its schema says so as well. */
  readonly itemsAtMost?: number;
  /** Each page is in reading order with the newest last, and the next page is what came before it: a log, read from its end. */
  readonly pagesBackwards?: boolean;
};

type Call<I extends z.ZodType> = { readonly input: z.output<I>; readonly context: ProcedureContext };

export type QueryDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = Base<I, O> & {
  readonly kind: 'query';
  /** The answer depends on the view, the input and on being admin only: served from a cache per view revision, with ETag. */
  readonly hot?: boolean;
  /** Only the control store's leader can answer it; without a majority it is refused like a change, at once. */
  readonly needsMajority?: boolean;
  handler(call: Call<I>): z.input<O> | Promise<z.input<O>>;
  /** Of a list: all its items in its order, in one pass, for a file of it, where going page by page would cost far more. */
  whole?(call: Call<I>): AsyncIterable<unknown>;
};

export type MutationDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = Base<I, O> & {
  readonly kind: 'mutation';
  // biome-ignore lint/suspicious/noExplicitAny: the legacy body is typed where it is defined
  readonly legacy?: LegacyShape<any>;
  /** The change concerns only the caller's own session and needs no majority. */
  readonly local?: boolean;
  handler(call: Call<I>): z.input<O> | Promise<z.input<O>>;
};

export type SubscriptionDefinition<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = Base<I, O> & {
  readonly kind: 'subscription';
  /** The item's id in a stream that can be resumed after it. */
  readonly eventId?: (item: z.output<O>) => string;
  /** Ends when `context.signal` aborts. */
  handler(call: Call<I>): AsyncIterable<z.input<O>>;
};

/** What the surfaces walk over. The handler's types are erased here; each surface parses the input first. */
export type AnyDefinition = {
  readonly kind: Kind;
  readonly hot?: boolean;
  readonly needsMajority?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  whole?(call: { input: any; context: ProcedureContext }): AsyncIterable<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly legacy?: LegacyShape<any>;
  readonly local?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly eventId?: (item: any) => string;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  handler(call: { input: any; context: ProcedureContext }): unknown;
} & Base<z.ZodType, z.ZodType>;

export function query<I extends z.ZodType, O extends z.ZodType>(
  definition: Omit<QueryDefinition<I, O>, 'kind'>,
): QueryDefinition<I, O> {
  return { ...definition, kind: 'query' } as QueryDefinition<I, O>;
}

export function mutation<I extends z.ZodType, O extends z.ZodType>(
  definition: Omit<MutationDefinition<I, O>, 'kind'>,
): MutationDefinition<I, O> {
  return { ...definition, kind: 'mutation' } as MutationDefinition<I, O>;
}

export function subscription<I extends z.ZodType, O extends z.ZodType>(
  definition: Omit<SubscriptionDefinition<I, O>, 'kind' | 'eventId'>,
): SubscriptionDefinition<I, O> {
  return { ...definition, kind: 'subscription' } as SubscriptionDefinition<I, O>;
}

/** A stream whose items carry ids: a client that reconnects goes on after the last one it saw. */
export function resumableSubscription<I extends z.ZodType, O extends z.ZodType>(
  definition: Omit<SubscriptionDefinition<I, O>, 'kind'>,
): SubscriptionDefinition<I, O> & { readonly resumable: true } {
  return { ...definition, kind: 'subscription', resumable: true } as SubscriptionDefinition<I, O> & { resumable: true };
}
