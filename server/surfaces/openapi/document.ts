/** OpenAPI 3.1 from the registry: paths, schemas, errors, security. What REST serves is what stands here. */
import { z } from 'zod';
import { errorTable } from '@/engine/kernel/errors';
import { commandNames, shortcutOf } from '@/server/procedures/command-name';
import type { AnyDefinition } from '@/server/procedures/definition';
import { fileFormats, fileTypes, formatKey } from '@/server/procedures/file-formats';
import { allProcedures } from '@/server/procedures/registry';
import { wordFor } from '@/server/procedures/shared/vocabulary';
import { declaredErrors } from '../declared-errors';
import { documentOf } from '../graphql/document';
import { buildGraphqlSchema } from '../graphql/schema';
import { keepsAnswers } from '../idempotency';
import { isOperationOutput, isPageOutput } from '../rest/present';
import { apiPrefix, type Route, routes } from '../rest/routes';

const graphqlSchema = buildGraphqlSchema();
const commands = commandNames(allProcedures);

function commandOf(definition: AnyDefinition): string {
  const { area, command } = commands.get(definition.name)!;
  return shortcutOf(definition) ?? `${area} ${command}`;
}

type Json = { [key: string]: unknown };

const errorSchema = z
  .object({
    code: z.enum(Object.keys(errorTable) as [string, ...string[]]),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).nullable(),
    timestamp: z.int(),
    request_id: z.string(),
  })
  .meta({ id: 'Error', description: 'The one error body' });

export function buildOpenApi(): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `${apiPrefix}${route.path}`;
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operationOf(route, components);
  }
  components.add(errorSchema, 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'RustyDB Console API',
      version: '1.0.0',
      description:
        'Manage a cluster of PostgreSQL servers. Authenticate with an API key (`Authorization: Bearer` or `X-API-Key`) or a session cookie.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }, { session: [] }],
    tags: [...new Set(routes.map((route) => areaOf(route.definition)))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components.sorted(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        session: { type: 'apiKey', in: 'cookie', name: 'rustydb_session' },
      },
    },
  };
}

function areaOf(definition: AnyDefinition): string {
  return definition.name.split('.')[0]!;
}

function operationOf(route: Route, components: Components): Json {
  const { definition, method, path } = route;
  const input = components.opened(components.inline(definition.input, 'input'));
  const owner = (definition.input.meta() as { id?: string } | undefined)?.id;
  const properties = describedProperties((input.properties ?? {}) as Record<string, Json>, owner) as Record<
    string,
    Json
  >;
  const required = new Set((input.required ?? []) as string[]);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
  const rest = Object.entries(properties).filter(([key]) => !inPath.includes(key));
  const hasBody = method === 'POST' || method === 'PUT' || method === 'DELETE';
  const parameters = [
    ...inPath.map((key) => ({ name: key, in: 'path', required: true, schema: properties[key] ?? { type: 'string' } })),
    ...(hasBody ? [] : rest.map(([key, schema]) => ({ name: key, in: 'query', required: required.has(key), schema }))),
    ...(isPageOutput(definition) ? [formatParameter] : []),
    ...headerParameters(definition),
  ];
  return {
    operationId: route.deprecated ? `${definition.name}:${path.replaceAll(/[^a-z]+/gi, '_')}` : definition.name,
    summary: definition.summary,
    ...(definition.description ? { description: definition.description } : {}),
    tags: [areaOf(definition)],
    ...(route.deprecated ? { deprecated: true } : {}),
    ...(definition.role === 'anonymous' ? { security: [] } : {}),
    'x-role': definition.role,
    'x-rate-class': definition.rate,
    'x-graphql': definition.graphql?.field ?? null,
    ...(definition.graphql ? { 'x-graphql-document': documentOf(definition, graphqlSchema).text } : {}),
    'x-graphql-input': definition.graphql?.style === 'input' ? 'input' : 'flat',
    'x-cli': commandOf(definition),
    ...(definition.secretKeys ? { 'x-secret-keys': definition.secretKeys } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody && rest.length > 0 ? { requestBody: bodyOf(definition, rest, required, inPath) } : {}),
    responses: responsesOf(definition, components),
  };
}

const formatParameter = {
  name: formatKey,
  in: 'query',
  required: false,
  description:
    'ndjson or csv: a file instead, as with these types in the header Accept. Without limit and cursor it is the whole list; a transfer that is cut off is not',
  schema: { type: 'string', enum: ['json', ...fileFormats], default: 'json' },
};

function headerParameters(definition: AnyDefinition): Json[] {
  const parameters: Json[] = [];
  if (definition.kind === 'mutation' && (isOperationOutput(definition) || keepsAnswers(definition))) {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Kept for 24 h: the same key and request changes nothing again and gets the first answer',
      schema: { type: 'string', maxLength: 128 },
    });
  }
  if (definition.eventId) {
    parameters.push({
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      schema: { type: 'string', maxLength: 100 },
    });
  }
  return parameters;
}

function bodyOf(
  definition: AnyDefinition,
  rest: readonly (readonly [string, Json])[],
  required: ReadonlySet<string>,
  inPath: readonly string[],
): Json {
  const needed = rest.map(([key]) => key).filter((key) => required.has(key));
  const example = Object.fromEntries(
    Object.entries(definition.example as object).filter(([key]) => !inPath.includes(key)),
  );
  return {
    required: needed.length > 0,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: Object.fromEntries(rest),
          ...(needed.length > 0 ? { required: needed } : {}),
          additionalProperties: false,
        },
        example,
      },
    },
  };
}

function responsesOf(definition: AnyDefinition, components: Components): Json {
  const responses: Json = {};
  const json = (schema: Json, description: string) => ({ description, content: { 'application/json': { schema } } });
  const output = components.inline(definition.output, 'output');
  if (definition.kind === 'subscription') {
    responses['200'] = {
      description: 'Server-sent events; each `data` is one of these',
      content: { 'text/event-stream': { schema: { type: 'string' }, 'x-item': output } },
    };
  } else if (isPageOutput(definition)) {
    const { items, total_count, notice } = output.properties as Record<string, Json>;
    const { wrappedAs } = definition.rest!;
    const body =
      wrappedAs === undefined
        ? items!
        : { type: 'object', properties: { [wrappedAs]: items, total_count }, required: [wrappedAs, 'total_count'] };
    responses['200'] = {
      ...json(body, 'The page; the next one is in the Link header'),
      // Not among the content types: clients made from this document know only one type of an answer, or else none.
      'x-file-types': Object.values(fileTypes),
      headers: {
        Link: { description: '<…>; rel="next"', schema: { type: 'string' } },
        ...(notice
          ? { 'X-Notice': { description: 'What is missing from the list and why', schema: { type: 'string' } } }
          : {}),
      },
    };
  } else if (definition.kind === 'mutation' && isOperationOutput(definition)) {
    operationResponses(definition, components, output, responses, json);
  } else {
    responses[String(definition.rest?.status ?? 200)] = json(output, 'Done');
  }
  if (definition.hot) responses['304'] = { description: 'Nothing changed since the ETag that was sent' };
  for (const code of declaredErrors(definition)) {
    const { http } = errorTable[code];
    responses[String(http)] = json({ $ref: '#/components/schemas/Error' }, code);
  }
  return responses;
}

function operationResponses(
  definition: AnyDefinition,
  components: Components,
  output: Json,
  responses: Json,
  json: (schema: Json, description: string) => Json,
): void {
  const { legacy } = definition;
  if (definition.rest?.status === 200) {
    responses['200'] = json(output, 'The operation');
    return;
  }
  responses['200'] = json(output, 'dry_run: the plan');
  responses['202'] = json(output, 'Journalled; follow the operation by its id');
  if (!legacy) return;
  if (legacy.output === null) {
    responses[String(legacy.status)] = { description: 'The operation succeeded' };
    return;
  }
  const body = components.inline(legacy.output, 'output');
  responses[String(legacy.status)] =
    legacy.status === 200 ? json({ anyOf: [body, output] }, 'Done, or dry_run: the plan') : json(body, 'Done');
}

/** Schemas with an id become components; where request and response differ in shape, the request's is called XInput. */
class Components {
  readonly #schemas = new Map<string, Json>();

  inline(schema: z.ZodType, io: 'input' | 'output'): Json {
    const json = z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io,
      unrepresentable: 'any',
      override({ jsonSchema }) {
        // Ours, for GraphQL; it means nothing in JSON.
        delete (jsonSchema as Json).scalar;
      },
    }) as Json;
    const { $defs, $schema: _schema, ...own } = json;
    const renamed = new Map<string, string>();
    for (const [id, definition] of Object.entries(($defs ?? {}) as Record<string, Json>)) {
      renamed.set(id, this.#place(id, clean(definition), io));
    }
    const id = typeof own.id === 'string' ? own.id : null;
    const placed = rewrite(clean(own), renamed);
    // The new names hold inside the definitions as well.
    for (const name of renamed.values()) this.#schemas.set(name, rewrite(this.#schemas.get(name)!, renamed));
    if (id === null || io === 'input') return placed;
    return { $ref: `#/components/schemas/${this.#place(id, placed, io)}` };
  }

  /** A schema with an id comes as a reference; this is what stands behind it. */
  opened(schema: Json): Json {
    const name = typeof schema.$ref === 'string' ? schema.$ref.replace('#/components/schemas/', '') : null;
    return (name === null ? undefined : this.#schemas.get(name)) ?? schema;
  }

  add(schema: z.ZodType, io: 'input' | 'output'): void {
    this.inline(schema, io);
  }

  sorted(): Json {
    const sorted = [...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([id, schema]) => [id, described(schema, id)]));
  }

  #place(id: string, schema: Json, io: 'input' | 'output'): string {
    const known = this.#schemas.get(id);
    if (!known || JSON.stringify(known) === JSON.stringify(rewrite(schema, new Map()))) {
      this.#schemas.set(id, rewrite(schema, new Map()));
      return id;
    }
    if (io === 'output') return id;
    const name = `${id}Input`;
    this.#schemas.set(name, rewrite(schema, new Map()));
    return name;
  }
}

/** Every field has a description: its own, or what its word means. A reference is described where it leads. */
function described(schema: Json, owner: string | undefined): Json {
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'properties') return [key, describedProperties(value as Record<string, Json>, owner)];
      if (Array.isArray(value)) return [key, value.map((one) => (isJson(one) ? described(one, owner) : one))];
      return [key, isJson(value) && key !== 'example' ? described(value, owner) : value];
    }),
  );
}

function describedProperties(properties: Record<string, Json>, owner: string | undefined): Json {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const word = wordFor(owner, name);
      const own = described(schema, owner);
      const says = 'description' in own || '$ref' in own;
      const description = alternativeOf(own) ?? word;
      return [name, says || description === undefined ? own : { ...own, description }];
    }),
  );
}

/** What a nullable field says about the value that it has when it has one. */
function alternativeOf(schema: Json): unknown {
  const alternatives = Array.isArray(schema.anyOf) ? schema.anyOf.filter(isJson) : [];
  return alternatives.find((one) => 'description' in one)?.description;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function clean(schema: Json): Json {
  const { id: _id, ...rest } = schema;
  return rest;
}

/** `#/$defs/X` to `#/components/schemas/X`, by its new name. */
function rewrite(value: Json, renamed: ReadonlyMap<string, string>): Json {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    if (key !== '$ref' || typeof inner !== 'string') return inner;
    const id = inner.replace('#/$defs/', '').replace('#/components/schemas/', '');
    return `#/components/schemas/${renamed.get(id) ?? id}`;
  }) as Json;
}
