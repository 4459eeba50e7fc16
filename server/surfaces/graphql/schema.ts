/**
 * The GraphQL schema, from the registry alone. A list procedure gives the bare list and a Connection twin; an operation with an older,
 * synchronous shape gives that shape and a twin that returns the operation.
 */
import {
  GraphQLBoolean,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLFieldConfigMap,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
} from 'graphql';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import type { WireOperation } from '@/server/procedures/shared/wire-operation';
import { awaitOperation, waitLimitMs } from '../await-operation';
import type { CallContext } from '../call-context';
import { invoke, subscribe } from '../invoke';
import { isPageOutput } from '../rest/present';
import type { CostExtension } from './cost';
import { argumentOf } from './document';
import { noteRefusal, toGraphqlError } from './errors';
import { defOf, TypeFactory, withoutNulls } from './types';

type Field = GraphQLFieldConfig<unknown, CallContext, Record<string, unknown>>;
type Fields = GraphQLFieldConfigMap<unknown, CallContext>;

export function buildGraphqlSchema(procedures: readonly AnyDefinition[] = allProcedures): GraphQLSchema {
  const types = new TypeFactory();
  const roots: Record<AnyDefinition['kind'], Fields> = { query: {}, mutation: {}, subscription: {} };
  for (const definition of procedures) {
    if (!definition.graphql) continue;
    for (const [name, field] of Object.entries(fieldsOf(types, definition))) {
      if (roots[definition.kind][name]) throw new Error(`two procedures at GraphQL field ${name}`);
      const extensions: CostExtension = { rate: definition.rate };
      roots[definition.kind][name] = { ...field, extensions };
    }
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: roots.query }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: roots.mutation }),
    subscription: new GraphQLObjectType({ name: 'Subscription', fields: roots.subscription }),
  });
}

function fieldsOf(types: TypeFactory, definition: AnyDefinition): Record<string, Field> {
  const { field } = definition.graphql!;
  if (definition.kind === 'subscription') return { [field]: subscriptionField(types, definition) };
  if (isPageOutput(definition)) return pageFields(types, definition);
  if (definition.legacy) return legacyFields(types, definition);
  const plain = plainField(types, definition, definition.graphql!.typeName);
  if (!definition.graphql!.typeName) return { [field]: plain };
  return { [field]: plain, [`${field}Operation`]: plainField(types, definition) };
}

function argumentsOf(types: TypeFactory, definition: AnyDefinition, without: readonly string[] = []) {
  const { field, style } = definition.graphql!;
  if (style === 'input') {
    return {
      input: { type: types.input(definition.input, field), description: 'Everything that the call takes' },
    } satisfies GraphQLFieldConfigArgumentMap;
  }
  const named = types.inputFields(definition.input, field, without) as GraphQLFieldConfigArgumentMap;
  return Object.fromEntries(Object.entries(named).map(([key, argument]) => [argumentOf(definition, key), argument]));
}

function inputOf(definition: AnyDefinition, args: Record<string, unknown>): unknown {
  if (definition.graphql!.style === 'input') return withoutNulls(definition.input, args.input);
  const keys = new Map(Object.keys(definition.graphql!.rename ?? {}).map((key) => [argumentOf(definition, key), key]));
  return withoutNulls(
    definition.input,
    Object.fromEntries(Object.entries(args).map(([name, value]) => [keys.get(name) ?? name, value])),
  );
}

async function guarded<T>(context: CallContext, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    noteRefusal(context, thrown);
    throw toGraphqlError(thrown, context.requestId);
  }
}

function plainField(types: TypeFactory, definition: AnyDefinition, typeName?: string): Field {
  const type = types.output(definition.output, typeName);
  const nullable = definition.graphql!.nullable === true;
  return {
    type: nullable && type instanceof GraphQLNonNull ? type.ofType : type,
    description: definition.summary,
    args: argumentsOf(types, definition),
    resolve: (_source, args, context) =>
      guarded(context, async () => {
        try {
          return await invoke(definition, inputOf(definition, args), context);
        } catch (error) {
          if (nullable && isClusterError(error) && error.code === 'NOT_FOUND') return null;
          throw error;
        }
      }),
  };
}

function pageFields(types: TypeFactory, definition: AnyDefinition): Record<string, Field> {
  const { field } = definition.graphql!;
  const items = defOf(definition.output).shape!.items!;
  const shared = { description: definition.summary, args: argumentsOf(types, definition) };
  const call = (args: Record<string, unknown>, context: CallContext) =>
    guarded(context, () => invoke(definition, inputOf(definition, args), context));
  return {
    [field]: {
      ...shared,
      type: types.output(items),
      resolve: async (_source, args, context) => ((await call(args, context)) as { items: unknown[] }).items,
    },
    [`${field}Connection`]: {
      ...shared,
      type: new GraphQLNonNull(types.connection(definition.output)),
      resolve: (_source, args, context) => call(args, context),
    },
  };
}

function legacyFields(types: TypeFactory, definition: AnyDefinition): Record<string, Field> {
  const { field } = definition.graphql!;
  const legacy = definition.legacy!;
  const output = legacy.graphql?.output ?? legacy.output;
  return {
    [field]: {
      type: output === null ? new GraphQLNonNull(GraphQLBoolean) : types.output(output),
      description: `${definition.summary}. Waits for the operation, at most ${waitLimitMs / 1000} s`,
      args: argumentsOf(types, definition, ['dry_run']),
      resolve: (_source, args, context) =>
        guarded(context, async () => {
          const input = inputOf(definition, args);
          const started = (await invoke(definition, input, context)) as WireOperation;
          if (started.state === 'planned') {
            throw new ClusterError('INVALID_INPUT', `dry_run: use ${field}Operation, which answers the plan`);
          }
          const done = await awaitOperation(context, started.id);
          if (done === null) {
            const message = `Operation ${started.id} still runs; follow it by its id`;
            throw new ClusterError('TIMEOUT', message, { extra: { operation_id: started.id } });
          }
          if (legacy.output === null) return true;
          const body = await legacy.present(done, context);
          return legacy.graphql ? legacy.graphql.of(body) : body;
        }),
    },
    [`${field}Operation`]: plainField(types, definition),
  };
}

function subscriptionField(types: TypeFactory, definition: AnyDefinition): Field {
  return {
    type: types.output(definition.output, definition.graphql!.typeName),
    description: definition.summary,
    args: argumentsOf(types, definition),
    resolve: (item) => item,
    subscribe: (_source, args, context) =>
      guarded(context, () => abortable(definition, inputOf(definition, args), context)),
  };
}

/**
 * graphql-js ends a subscription with return(); a generator that waits inside an await would notice only at its next item and leak its
 * listeners until then. So each subscription has its own abort signal, and return() fires it.
 */
async function abortable(definition: AnyDefinition, input: unknown, context: CallContext) {
  const controller = new AbortController();
  const onGone = () => controller.abort();
  context.signal.addEventListener('abort', onGone, { once: true });
  const closed = context.gate.metrics.streamOpened(context.surface);
  const end = () => {
    controller.abort();
    context.signal.removeEventListener('abort', onGone);
    closed();
  };
  let iterator: AsyncIterator<unknown>;
  try {
    iterator = (await subscribe(definition, input, context, controller.signal))[Symbol.asyncIterator]();
  } catch (error) {
    end();
    throw error;
  }
  const result: AsyncIterableIterator<unknown> = {
    [Symbol.asyncIterator]() {
      return result;
    },
    async next() {
      try {
        const item = await iterator.next();
        if (item.done) end();
        return item;
      } catch (thrown) {
        end();
        throw toGraphqlError(thrown, context.requestId);
      }
    },
    async return() {
      end();
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return result;
}
