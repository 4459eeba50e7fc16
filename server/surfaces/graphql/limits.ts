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
export const maxFields = 1000;

type Measure = { readonly depth: number; readonly fields: number };

export function limitRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      const measured = measureDocument(document);
      if (measured.depth > maxDepth) {
        context.reportError(new GraphQLError(`The query is ${measured.depth} levels deep; the limit is ${maxDepth}`));
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
  const measure = (set: SelectionSetNode): Measure => {
    let depth = 0;
    let fields = 0;
    for (const selection of set.selections) {
      const inner = measureSelection(selection);
      depth = Math.max(depth, inner.depth);
      fields += inner.fields;
    }
    return { depth, fields };
  };
  const measureFragment = (name: string): Measure => {
    const done = known.get(name);
    if (done) return done;
    const fragment = fragments.get(name);
    // A cycle is refused by its own rule; here it only must not loop.
    if (!fragment || open.has(name)) return { depth: 0, fields: 0 };
    open.add(name);
    const measured = measure(fragment.selectionSet);
    open.delete(name);
    known.set(name, measured);
    return measured;
  };
  const measureSelection = (selection: SelectionSetNode['selections'][number]): Measure => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return measure(selection.selectionSet);
    const inner = selection.selectionSet ? measure(selection.selectionSet) : { depth: 0, fields: 0 };
    return { depth: inner.depth + 1, fields: inner.fields + 1 };
  };
  let total: Measure = { depth: 0, fields: 0 };
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const one = measure(definition.selectionSet);
    total = { depth: Math.max(total.depth, one.depth), fields: total.fields + one.fields };
  }
  return total;
}
