/** A GraphQL document for a procedure, from the schema: every field of its answer, every argument as a variable. For docs and clients. */
import { type GraphQLField, type GraphQLOutputType, type GraphQLSchema, getNamedType, isObjectType } from 'graphql';
import type { AnyDefinition } from '@/server/procedures/definition';
import { isPageOutput } from '../rest/present';

export type ProcedureDocument = {
  /** The root field that answers the procedure's whole output. */
  readonly field: string;
  readonly text: string;
};

/** Types are opened this deep; below, only values. Within the limit on depth. */
const deepest = 5;

export function documentOf(definition: AnyDefinition, schema: GraphQLSchema): ProcedureDocument {
  const field = fullField(definition);
  const root = schema.getRootType(definition.kind as Parameters<GraphQLSchema['getRootType']>[0])!;
  const found = root.getFields()[field] as GraphQLField<unknown, unknown>;
  // Variables are called as the input's keys everywhere else.
  const keys = new Map(Object.keys(definition.graphql!.rename ?? {}).map((key) => [argumentOf(definition, key), key]));
  const variables = found.args.map((argument) => ({ argument, name: keys.get(argument.name) ?? argument.name }));
  const declared = variables.map(({ argument, name }) => `$${name}: ${argument.type}`).join(', ');
  const passed = variables.map(({ argument, name }) => `${argument.name}: $${name}`).join(', ');
  const name = definition.name.replace('.', '_');
  const text = `${definition.kind} ${name}${declared ? `(${declared})` : ''} {\n  ${field}${
    passed ? `(${passed})` : ''
  }${selectionOf(found.type, 1)}\n}\n`;
  return { field, text };
}

/** What an input key is called as an argument of the field. */
export function argumentOf(definition: AnyDefinition, key: string): string {
  return definition.graphql!.rename?.[key] ?? key;
}

/** Input of a procedure as the variables of its document. */
export function variablesOf(definition: AnyDefinition, input: unknown): Record<string, unknown> {
  return definition.graphql?.style === 'input' ? { input } : { ...(input as Record<string, unknown>) };
}

function fullField(definition: AnyDefinition): string {
  const { field, typeName } = definition.graphql!;
  if (definition.kind !== 'subscription') {
    if (isPageOutput(definition)) return `${field}Connection`;
    if (definition.legacy || typeName) return `${field}Operation`;
  }
  return field;
}

function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return '';
  const indent = '  '.repeat(depth + 1);
  const fields = Object.values(named.getFields()).flatMap((field) => {
    if (!isObjectType(getNamedType(field.type))) return [`${indent}${field.name}`];
    if (depth >= deepest) return [];
    return [`${indent}${field.name}${selectionOf(field.type, depth + 1)}`];
  });
  return ` {\n${fields.join('\n')}\n${'  '.repeat(depth)}}`;
}
