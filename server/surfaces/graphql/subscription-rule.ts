/**
 * A subscription is always to its one field. Of a document that leaves it out (@skip, @include) graphql-js makes an accident, which it notices only
 * when it runs; the specification since forbids such documents.
 */
import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

const conditions = ['skip', 'include'];

export function subscriptionRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return;
      const found = conditional(context, operation.selectionSet, new Set());
      if (found === null) return;
      const message = 'The field of a subscription can be neither skipped nor included';
      context.reportError(new GraphQLError(message, { nodes: found }));
    },
  };
}

/** At the root, in whatever fragment it stands. */
function conditional(
  context: ValidationContext,
  set: SelectionSetNode,
  open: Set<FragmentDefinitionNode>,
): SelectionNode | null {
  for (const selection of set.selections) {
    if (selection.directives?.some((one) => conditions.includes(one.name.value))) return selection;
    if (selection.kind === Kind.FIELD) continue;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const found = conditional(context, selection.selectionSet, open);
      if (found !== null) return found;
      continue;
    }
    const fragment = context.getFragment(selection.name.value);
    if (!fragment || open.has(fragment)) continue;
    open.add(fragment);
    const found = conditional(context, fragment.selectionSet, open);
    if (found !== null) return found;
  }
  return null;
}
