/** Which metrics, and which of their labels, a PromQL expression asks for; by Prometheus' own grammar. */
import type { SyntaxNode } from '@lezer/common';
import type { parser as promqlParser } from '@prometheus-io/lezer-promql';

export type Asked = { readonly name: string; readonly labels: readonly string[] };

/** @throws SyntaxError */
export function asked(parser: typeof promqlParser, expression: string): readonly Asked[] {
  const tree = parser.parse(expression);
  const text = (node: SyntaxNode) => expression.slice(node.from, node.to);
  const found: Asked[] = [];
  tree.iterate({
    enter: ({ type, from, node }) => {
      if (type.isError) throw new SyntaxError(`PromQL at ${from}: ${expression.slice(from)}`);
      if (type.name !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      if (!name) throw new SyntaxError(`a selector without a name: ${text(node)}`);
      const labels: string[] = [];
      node.cursor().iterate((inner) => {
        if (inner.name === 'LabelName' && inner.from >= node.from && inner.to <= node.to) labels.push(text(inner.node));
      });
      found.push({ name: text(name), labels: [...labels, ...groupedBy(node, text)] });
    },
  });
  return found;
}

/** Labels that an aggregation around the selector keeps. */
function groupedBy(selector: SyntaxNode, text: (node: SyntaxNode) => string): readonly string[] {
  for (let node = selector.parent; node; node = node.parent) {
    const grouping =
      node.name === 'AggregateExpr' ? node.getChild('AggregateModifier')?.getChild('GroupingLabels') : null;
    if (grouping) return grouping.getChildren('LabelName').map(text);
  }
  return [];
}
