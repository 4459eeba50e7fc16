/** Bounds on what one document may ask: depth, and number of fields once fragments are spread out. */
import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

export const maxDepth = 12;
/** Of `__schema` and `__type`: types of types, as the usual tools write them out (graphql-js: 15). Lists in lists are bounded by its own rule. */
export const maxIntrospectionDepth = 25;
export const maxFields = 1000;

/** `introspectionDepth`: below `__schema` and `__type`, which `depth` leaves out. */
type Measure = { readonly depth: number; readonly introspectionDepth: number; readonly fields: number };

const nothing: Measure = { depth: 0, introspectionDepth: 0, fields: 0 };

/** Side by side: the deeper of both, the fields of both. */
function beside(one: Measure, other: Measure): Measure {
  return {
    depth: Math.max(one.depth, other.depth),
    introspectionDepth: Math.max(one.introspectionDepth, other.introspectionDepth),
    fields: one.fields + other.fields,
  };
}

export function limitRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      const measured = measureDocument(document);
      for (const [depth, limit] of [
        [measured.depth, maxDepth],
        [measured.introspectionDepth, maxIntrospectionDepth],
      ] as const) {
        if (depth > limit)
          context.reportError(new GraphQLError(`The query is ${depth} levels deep; the limit is ${limit}`));
      }
      if (measured.fields > maxFields) {
        context.reportError(new GraphQLError(`The query asks for more than ${maxFields} fields`));
      }
    },
  };
}

export function measureDocument(document: DocumentNode): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const known = new Map<string, Measure>();
  const open = new Set<string>();
  const measure = (set: SelectionSetNode): Measure => set.selections.map(measureSelection).reduce(beside, nothing);
  const measureFragment = (name: string): Measure => {
    const done = known.get(name);
    if (done) return done;
    const fragment = fragments.get(name);
    // A cycle is refused by its own rule; here it only must not loop.
    if (!fragment || open.has(name)) return nothing;
    open.add(name);
    const measured = measure(fragment.selectionSet);
    open.delete(name);
    known.set(name, measured);
    return measured;
  };
  const measureSelection = (selection: SelectionSetNode['selections'][number]): Measure => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return measure(selection.selectionSet);
    const inner = selection.selectionSet ? measure(selection.selectionSet) : nothing;
    const fields = inner.fields + 1;
    // Below an introspection field there are only such.
    return isIntrospection(selection.name.value)
      ? { depth: 0, introspectionDepth: Math.max(inner.depth, inner.introspectionDepth) + 1, fields }
      : { depth: inner.depth + 1, introspectionDepth: inner.introspectionDepth, fields };
  };
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((definition) => measure(definition.selectionSet))
    .reduce(beside, nothing);
}

function isIntrospection(field: string): boolean {
  return field === '__schema' || field === '__type';
}
