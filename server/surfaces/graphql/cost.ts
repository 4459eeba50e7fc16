/**
 * What a document may make the server produce, in values, before anything runs: a list counts by its `limit` (where it has none, by an
 * assumed size), a call by its rate class. Depth and number of fields have bounds of their own (limits.ts). Pure.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import type { RateClass } from '@/server/procedures/definition';

export const maxCost = 200_000;
/** Lists inside an answer whose length no argument bounds: steps, checks, voters. */
const assumedItems = 10;
const pageDefault = 100;
const pageMax = 1000;
const callCost: Readonly<Record<RateClass, number>> = { read: 10, node: 500, write: 1000, login: 10_000 };

/** Extension of a root field: what its procedure costs. */
export type CostExtension = { readonly rate?: RateClass };

export type Cost = { readonly cost: number; readonly dependsOnVariables: boolean };

type Walk = {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Readonly<Record<string, unknown>>;
  readonly open: Set<string>;
  dependsOnVariables: boolean;
};

/** Of the document's dearest operation. The document has passed validation; a variable's default counts as its value. */
export function measureCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>> = {},
): Cost {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }
  const walk: Walk = { fragments, variables, open: new Set(), dependsOnVariables: false };
  const costs = operations.map((operation) => {
    const root = schema.getRootType(operation.operation);
    walk.variables = { ...defaultsOf(operation), ...variables };
    return root ? costOfSelections(walk, operation.selectionSet, root, null) : 0;
  });
  return { cost: Math.max(0, ...costs), dependsOnVariables: walk.dependsOnVariables };
}

function defaultsOf(operation: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  );
}

/** `pageSize`: what `limit` of the field around said, for the list inside a connection. */
function costOfSelections(walk: Walk, set: SelectionSetNode, type: GraphQLObjectType, pageSize: number | null): number {
  let sum = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) sum += costOfField(walk, selection, type, pageSize);
    else if (selection.kind === Kind.INLINE_FRAGMENT) {
      sum += costOfSelections(walk, selection.selectionSet, type, pageSize);
    } else {
      const name = selection.name.value;
      const fragment = walk.fragments.get(name);
      if (!fragment || walk.open.has(name)) continue;
      walk.open.add(name);
      sum += costOfSelections(walk, fragment.selectionSet, type, pageSize);
      walk.open.delete(name);
    }
    // A bomb need not be counted to its end.
    if (sum > maxCost * 10) break;
  }
  return sum;
}

function costOfField(walk: Walk, node: FieldNode, parent: GraphQLObjectType, pageSize: number | null): number {
  const field = parent.getFields()[node.name.value];
  // Introspection: bounded by depth and number of fields.
  if (!field) return 1;
  const { rate } = field.extensions as CostExtension;
  const own = 1 + (rate === undefined ? 0 : callCost[rate]);
  const limit = field.args.some((argument) => argument.name === 'limit') ? limitOf(walk, node) : null;
  const inner = getNamedType(field.type);
  if (!node.selectionSet || !isObjectType(inner)) return own;
  const isList = isListType(getNullableType(field.type));
  const items = isList ? (limit ?? pageSize ?? assumedItems) : 1;
  return own + items * costOfSelections(walk, node.selectionSet, inner, isList ? null : limit);
}

function limitOf(walk: Walk, node: FieldNode): number {
  const value = node.arguments?.find((argument) => argument.name.value === 'limit')?.value;
  if (!value) return pageDefault;
  if (value.kind === Kind.INT) return bounded(Number(value.value));
  if (value.kind !== Kind.VARIABLE) return pageDefault;
  walk.dependsOnVariables = true;
  const given = walk.variables[value.name.value];
  return typeof given === 'number' ? bounded(given) : pageDefault;
}

function bounded(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit) || 0, 0), pageMax);
}
