/**
 * What of RustyDB's API exists here, by area: the promised REST rows (rest.tsv) and GraphQL names (names.graphql) against the registry. A
 * name that exists must have the promised type; what is not built is counted as missing and nowhere faked.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GraphQLSchema, isObjectType, Kind, type ObjectTypeDefinitionNode, parse, print } from 'graphql';
import type { Role } from '@/server/procedures/definition';
import type { Route } from '../rest/routes';

type Row = { readonly area: string; readonly method: string; readonly path: string; readonly role: string };

export type Share = { readonly area: string; readonly present: readonly string[]; readonly missing: readonly string[] };

export type Coverage = {
  readonly rest: readonly Share[];
  readonly graphql: readonly Share[];
  /** Names that exist with another role or type than promised. */
  readonly wrong: readonly string[];
};

const here = path.dirname(fileURLToPath(import.meta.url));
/** By the shapes of path parameters: their names are ours. */
const shapeOf = (route: string) => route.replaceAll(/\{\w+\}/g, '{}');

export function promisedRows(): readonly Row[] {
  const [, ...lines] = readFileSync(path.join(here, 'rest.tsv'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [area, method, full, role] = line.split('\t');
    return { area: area!, method: method!, path: full!.replace('/api/v1', ''), role: role! };
  });
}

export function measureCoverage(routes: readonly Route[], schema: GraphQLSchema): Coverage {
  const wrong: string[] = [];
  const rest = new Tally();
  for (const row of promisedRows()) {
    const found = routes.find((route) => route.method === row.method && shapeOf(route.path) === shapeOf(row.path));
    rest.add(row.area, `${row.method} ${row.path}`, found !== undefined);
    if (found && found.definition.role !== (row.role as Role)) {
      wrong.push(`${row.method} ${row.path} needs ${found.definition.role}, promised is ${row.role}`);
    }
  }
  const graphql = new Tally();
  for (const type of promisedTypes()) checkType(type, schema, graphql, wrong);
  return { rest: rest.shares(), graphql: graphql.shares(), wrong };
}

function promisedTypes(): readonly ObjectTypeDefinitionNode[] {
  const document = parse(readFileSync(path.join(here, 'names.graphql'), 'utf8'));
  return document.definitions.filter((one) => one.kind === Kind.OBJECT_TYPE_DEFINITION);
}

function checkType(type: ObjectTypeDefinitionNode, schema: GraphQLSchema, tally: Tally, wrong: string[]): void {
  const ours = schema.getType(type.name.value);
  const fields = isObjectType(ours) ? ours.getFields() : {};
  for (const field of type.fields ?? []) {
    const name = `${type.name.value}.${field.name.value}`;
    const found = fields[field.name.value];
    tally.add(type.name.value, name, found !== undefined);
    if (!found) continue;
    if (String(found.type) !== print(field.type))
      wrong.push(`${name} is ${found.type}, promised is ${print(field.type)}`);
    for (const argument of field.arguments ?? []) {
      const ourArgument = found.args.find((one) => one.name === argument.name.value);
      if (String(ourArgument?.type) !== print(argument.type)) {
        wrong.push(`${name}(${argument.name.value}) is ${ourArgument?.type}, promised is ${print(argument.type)}`);
      }
    }
    for (const argument of found.args) {
      const promised = field.arguments?.some((one) => one.name.value === argument.name);
      if (!promised && String(argument.type).endsWith('!'))
        wrong.push(`${name} needs ${argument.name}, which is not promised`);
    }
  }
}

class Tally {
  readonly #areas = new Map<string, { present: string[]; missing: string[] }>();

  add(area: string, name: string, present: boolean): void {
    const share = this.#areas.get(area) ?? { present: [], missing: [] };
    share[present ? 'present' : 'missing'].push(name);
    this.#areas.set(area, share);
  }

  shares(): Share[] {
    return [...this.#areas].map(([area, share]) => ({ area, ...share }));
  }
}
