/**
 * The registry as a tRPC router. Each procedure calls `invoke`, which authorises, limits, validates and audits; here is only tRPC's form.
 * The console types itself against AppRouter.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  initTRPC,
  type TRPCBuiltRouter,
  type TRPCDecorateCreateRouterOptions,
  TRPCError,
  type TRPCMutationProcedure,
  type TRPCQueryProcedure,
  type TRPCSubscriptionProcedure,
  type TrackedEnvelope,
  tracked,
} from '@trpc/server';
import type { z } from 'zod';
import { errorTable } from '@/engine/kernel/errors';
import { errorBody, toClusterError } from '@/server/errors/wire';
import type {
  AnyDefinition,
  MutationDefinition,
  QueryDefinition,
  SubscriptionDefinition,
} from '@/server/procedures/definition';
import { type Procedures, procedures } from '@/server/procedures/registry';
import type { CallContext } from '../call-context';
import { invoke, subscribe } from '../invoke';
import { requireRoomFor } from '../socket-bounds';

type Meta = { readonly definition: AnyDefinition };

type ErrorShape = {
  readonly message: string;
  readonly code: number;
  readonly data: {
    /** tRPC's own name of the code. */
    readonly code: string;
    readonly httpStatus: number;
    readonly path: string | null;
    /** The error body as on every other surface. */
    readonly error: ReturnType<typeof errorBody>;
  };
};

/** tRPC refuses some requests before it has asked for their context. */
const requestIds = new AsyncLocalStorage<string>();

export function inRequest<T>(requestId: string, act: () => T): T {
  return requestIds.run(requestId, act);
}

const t = initTRPC
  .context<CallContext>()
  .meta<Meta>()
  .create({
    isDev: false,
    errorFormatter({ shape, error, path, ctx }): ErrorShape {
      // What tRPC refuses itself has a cause of its own (a SyntaxError) that says nothing about ours.
      const cause = toClusterError(error);
      return {
        message: cause.message,
        code: shape.code,
        data: {
          code: shape.data.code,
          httpStatus: errorTable[cause.code].http,
          path: path ?? null,
          error: errorBody(cause, ctx?.requestId ?? requestIds.getStore() ?? ''),
        },
      };
    },
  });

type RootTypes = { ctx: CallContext; meta: Meta; errorShape: ErrorShape; transformer: false };

type SubscriptionItem<D, O extends z.ZodType> = D extends { readonly resumable: true }
  ? TrackedEnvelope<z.output<O>>
  : z.output<O>;

type ProcedureOf<D> =
  D extends QueryDefinition<infer I, infer O>
    ? TRPCQueryProcedure<{ input: z.input<I> | undefined; output: z.output<O>; meta: Meta }>
    : D extends MutationDefinition<infer I, infer O>
      ? TRPCMutationProcedure<{ input: z.input<I> | undefined; output: z.output<O>; meta: Meta }>
      : D extends SubscriptionDefinition<infer I, infer O>
        ? TRPCSubscriptionProcedure<{
            input: z.input<I> | undefined;
            output: AsyncIterable<SubscriptionItem<D, O>>;
            meta: Meta;
          }>
        : never;

type RouterRecord = {
  [Area in keyof Procedures]: { [Name in keyof Procedures[Area]]: ProcedureOf<Procedures[Area][Name]> };
};

function procedureOf(definition: AnyDefinition) {
  const base = t.procedure.meta({ definition }).input((raw: unknown) => raw);
  if (definition.kind === 'query') return base.query(({ input, ctx }) => guarded(() => invoke(definition, input, ctx)));
  if (definition.kind === 'mutation') {
    return base.mutation(({ input, ctx }) => guarded(() => invoke(definition, input, ctx)));
  }
  return base.subscription(async function* ({ input, ctx, signal }) {
    const close = await guarded(async () => openIn(ctx));
    try {
      const items = await guarded(() => subscribe(definition, resumed(input), ctx, signal ?? ctx.signal));
      for await (const item of items) {
        const id = definition.eventId?.(item);
        yield id === undefined ? item : tracked(id, item);
      }
    } catch (error) {
      throw toTrpc(error);
    } finally {
      close();
    }
  });
}

/** A socket has one context for all its calls. */
const open = new WeakMap<CallContext, number>();

/** Gives how to close it. @throws CONFLICT */
function openIn(context: CallContext): () => void {
  const count = open.get(context) ?? 0;
  requireRoomFor(count);
  open.set(context, count + 1);
  return () => void open.set(context, open.get(context)! - 1);
}

/** tRPC's clients put the last event's id into the input when they reconnect. */
function resumed(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('lastEventId' in input)) return input;
  const { lastEventId, ...rest } = input;
  return lastEventId ? { ...rest, last_event_id: lastEventId } : rest;
}

export function toTrpc(error: unknown): TRPCError {
  const cause = toClusterError(error);
  return new TRPCError({ code: errorTable[cause.code].trpc as TRPCError['code'], message: cause.message, cause });
}

async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toTrpc(error);
  }
}

function routerRecord(): RouterRecord {
  const record = Object.fromEntries(
    Object.entries(procedures).map(([area, definitions]) => [
      area,
      Object.fromEntries(
        Object.entries(definitions as Record<string, unknown>).map(([name, definition]) => [
          name,
          procedureOf(definition as AnyDefinition),
        ]),
      ),
    ]),
  );
  return record as unknown as RouterRecord;
}

export type AppRouter = TRPCBuiltRouter<RootTypes, TRPCDecorateCreateRouterOptions<RouterRecord>>;

export const appRouter: AppRouter = t.router(routerRecord()) as unknown as AppRouter;
