/**
 * From zod schemas to GraphQL types. Names come from the schemas' ids, so REST's component and GraphQL's type of one thing are called alike.
 * Enums are strings: `semi-sync` is no GraphQL name, and RustyDB's schema has them as strings.
 */
import {
  GraphQLBoolean,
  type GraphQLFieldConfigMap,
  GraphQLFloat,
  GraphQLID,
  type GraphQLInputFieldConfigMap,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLScalarType,
  GraphQLString,
} from 'graphql';
import type { z } from 'zod';
import { describeField } from '@/server/procedures/shared/vocabulary';
import { bigIntScalar, dateTimeScalar, jsonScalar } from './scalars';

type Def = {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly format?: string;
};

export function defOf(schema: z.ZodType): Def {
  return schema._zod.def as unknown as Def;
}

type Meta = { readonly id?: string; readonly description?: string; readonly scalar?: string };

export function metaOf(schema: z.ZodType): Meta {
  return (schema.meta() ?? {}) as Meta;
}

const scalars: Readonly<Record<string, GraphQLScalarType>> = {
  BigInt: bigIntScalar,
  DateTime: dateTimeScalar,
  UnixDateTime: dateTimeScalar,
  ID: GraphQLID,
};

const wrappers = ['optional', 'default', 'nullable', 'prefault', 'readonly', 'catch', 'nonoptional'];

type Bare = { readonly schema: z.ZodType; readonly nullable: boolean; readonly scalar: string | undefined };

/** Takes off optional, nullable and default; a scalar named on any layer counts. */
export function bare(schema: z.ZodType): Bare {
  let at = schema;
  let nullable = false;
  let scalar = metaOf(at).scalar;
  while (wrappers.includes(defOf(at).type)) {
    if (defOf(at).type !== 'readonly' && defOf(at).type !== 'nonoptional') nullable = true;
    at = defOf(at).innerType!;
    scalar ??= metaOf(at).scalar;
  }
  return { schema: at, nullable, scalar };
}

function leaf({ schema, scalar }: Bare): GraphQLScalarType | null {
  if (scalar !== undefined && scalars[scalar]) return scalars[scalar];
  const def = defOf(schema);
  if (def.type === 'string' || def.type === 'enum' || def.type === 'literal') return GraphQLString;
  if (def.type === 'boolean') return GraphQLBoolean;
  if (def.type === 'number') return isWhole(schema) ? GraphQLInt : GraphQLFloat;
  if (def.type === 'record' || def.type === 'unknown' || def.type === 'any') return jsonScalar;
  if (def.type === 'union') {
    return def.options!.every((option) => leaf(bare(option)) === GraphQLString) ? GraphQLString : jsonScalar;
  }
  return null;
}

function isWhole(schema: z.ZodType): boolean {
  const bag = schema._zod.bag as { format?: string };
  return defOf(schema).format === 'safeint' || bag.format === 'safeint';
}

type ConnectionSource = {
  readonly items: readonly unknown[];
  readonly next_cursor: string | null;
  readonly total_count: number | null;
  readonly missing_nodes?: readonly string[];
};

export class TypeFactory {
  readonly #outputs = new Map<string, GraphQLObjectType>();
  readonly #inputs = new Map<string, GraphQLInputObjectType>();

  output(schema: z.ZodType, name?: string): GraphQLOutputType {
    const one = bare(schema);
    const type = this.#bareOutput(one, name);
    return one.nullable ? type : new GraphQLNonNull(type);
  }

  #bareOutput(one: Bare, name?: string): GraphQLOutputType {
    const simple = leaf(one);
    if (simple) return simple;
    const def = defOf(one.schema);
    if (def.type === 'array') return new GraphQLList(this.output(def.element!, name));
    if (def.type === 'object') return this.#object(one.schema, name);
    throw new Error(`no GraphQL type for zod ${def.type}`);
  }

  #object(schema: z.ZodType, name = metaOf(schema).id): GraphQLObjectType {
    if (name === undefined)
      throw new Error(`an object without id: ${Object.keys(defOf(schema).shape ?? {}).join(', ')}`);
    const known = this.#outputs.get(name);
    if (known) return known;
    const type = new GraphQLObjectType({
      name,
      description: metaOf(schema).description,
      fields: () => {
        const fields: GraphQLFieldConfigMap<unknown, unknown> = {};
        for (const [key, field] of Object.entries(defOf(schema).shape ?? {})) {
          fields[key] = { type: this.output(field), description: describeField(name, key, field) };
        }
        return fields;
      },
    });
    this.#outputs.set(name, type);
    return type;
  }

  /** `<Item>Connection` with `items`, `nextCursor`, `totalCount`; of a list that may not be whole also what is missing. */
  connection(page: z.ZodType): GraphQLObjectType {
    const shape = defOf(page).shape!;
    const item = defOf(shape.items!).element!;
    const itemType = this.output(item);
    const name = `${metaOf(bare(item).schema).id}Connection`;
    const known = this.#outputs.get(name);
    if (known) return known;
    const type = new GraphQLObjectType<ConnectionSource>({
      name,
      description: 'A page',
      fields: {
        items: { type: new GraphQLNonNull(new GraphQLList(itemType)), description: 'The page, in order' },
        nextCursor: {
          type: GraphQLString,
          description: 'Cursor of the next page; null at the end',
          resolve: (source) => source.next_cursor,
        },
        totalCount: {
          type: GraphQLInt,
          description: 'How many there are in all; null where counting would cost',
          resolve: (source) => source.total_count,
        },
        ...(shape.missing_nodes && shape.notice
          ? {
              missingNodes: {
                type: this.output(shape.missing_nodes),
                description: metaOf(shape.missing_nodes).description,
                resolve: (source: ConnectionSource) => source.missing_nodes,
              },
              notice: {
                type: this.output(shape.notice),
                description: metaOf(shape.notice).description,
              },
            }
          : {}),
      },
    });
    this.#outputs.set(name, type);
    return type;
  }

  input(schema: z.ZodType, path: string): GraphQLInputType {
    const one = bare(schema);
    const type = this.#bareInput(one, path);
    return one.nullable ? type : new GraphQLNonNull(type);
  }

  #bareInput(one: Bare, path: string): GraphQLInputType {
    const simple = leaf(one);
    if (simple) return simple;
    const def = defOf(one.schema);
    if (def.type === 'array') return new GraphQLList(this.input(def.element!, path));
    if (def.type !== 'object') throw new Error(`no GraphQL input for zod ${def.type} at ${path}`);
    const name = metaOf(one.schema).id;
    if (name === undefined) throw new Error(`an input object without id at ${path}`);
    const known = this.#inputs.get(name);
    if (known) return known;
    const type = new GraphQLInputObjectType({
      name,
      description: metaOf(one.schema).description,
      fields: () => this.inputFields(one.schema, path),
    });
    this.#inputs.set(name, type);
    return type;
  }

  inputFields(schema: z.ZodType, path: string, without: readonly string[] = []): GraphQLInputFieldConfigMap {
    const fields: GraphQLInputFieldConfigMap = {};
    for (const [key, field] of Object.entries(defOf(schema).shape ?? {})) {
      if (!without.includes(key))
        fields[key] = {
          type: this.input(field, `${path}.${key}`),
          description: describeField(metaOf(bare(schema).schema).id, key, field),
        };
    }
    return fields;
  }
}

/** GraphQL says null where a caller left something out; zod's optional fields know only absence. */
export function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  const def = defOf(bare(schema).schema);
  if (Array.isArray(value) && def.element) return value.map((one) => withoutNulls(def.element!, one));
  if (def.type !== 'object' || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      const field = def.shape && Object.hasOwn(def.shape, key) ? def.shape[key] : undefined;
      if (one === undefined || (one === null && field && !acceptsNull(field))) return [];
      return [[key, field ? withoutNulls(field, one) : one]];
    }),
  );
}

function acceptsNull(schema: z.ZodType): boolean {
  return schema.safeParse(null).success;
}
