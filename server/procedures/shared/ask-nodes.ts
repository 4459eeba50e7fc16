/** The same question to many nodes, a bounded number at a time, in order, until there is enough. A node that does not answer is named, never left out in silence. */
import type { NodeView } from '@/engine/cluster/model';
import type { EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import type { NodeMethods } from '@/server/engine-client/api';
import type { ProcedureContext } from '../context';
import { cursorKey, type Page, type PageInput, paginate, type SortOrder } from './page';

const atOnce = 16;
const answerTimeoutMs = 3_000;

type Answers<T> = {
  readonly answers: readonly { readonly node: NodeView; readonly answer: T }[];
  readonly missing: string[];
  /** Every node was asked. */
  readonly whole: boolean;
};

export async function askNodes<M extends NodeMethods>(
  context: ProcedureContext,
  nodes: readonly NodeView[],
  question: { readonly method: M; readonly params: EngineParams<M> },
  enough: (so: Answers<EngineResult<M>>['answers']) => boolean = () => false,
): Promise<Answers<EngineResult<M>>> {
  const answers: { node: NodeView; answer: EngineResult<M> }[] = [];
  const missing: string[] = [];
  for (let at = 0; at < nodes.length; at += atOnce) {
    if (at > 0 && enough(answers)) return { answers, missing, whole: false };
    const some = nodes.slice(at, at + atOnce);
    const { method, params } = question;
    const found = await Promise.all(
      some.map((node) => context.engine.node(node.record.id, method, params, answerTimeoutMs).catch(() => null)),
    );
    some.forEach((node, index) => {
      const answer = found[index] ?? null;
      if (answer === null) missing.push(node.record.id);
      else answers.push({ node, answer });
    });
  }
  return { answers, missing, whole: true };
}

/**
 * A page of what many nodes hold. `order` is by the node's id first: nodes before the cursor are not asked, nor those after the page is full,
 * and then nobody knows how many there are in all. `missing`: the sentence about nodes that do not answer.
 */
export async function pageOverNodes<M extends NodeMethods, Row>(
  context: ProcedureContext,
  nodes: readonly NodeView[],
  list: {
    readonly question: { readonly method: M; readonly params: EngineParams<M> };
    readonly rowsOf: (node: string, answer: EngineResult<M>) => readonly Row[];
    readonly input: PageInput;
    readonly order: SortOrder<Row>;
    readonly missing: (nodes: string) => string;
  },
): Promise<Page<Row> & { missing_nodes: string[]; notice: string | null }> {
  const { input, order } = list;
  const [from = ''] = input.cursor === undefined ? [] : cursorKey(order.list, input.cursor);
  const asked = nodes
    .filter((node) => node.record.id >= String(from))
    .sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  const pageOf = (found: Answers<EngineResult<M>>['answers']) => {
    const rows = found.flatMap(({ node, answer }) => list.rowsOf(node.record.id, answer));
    return paginate(rows, input, order);
  };
  const { answers, missing, whole } = await askNodes(
    context,
    asked,
    list.question,
    (so) => pageOf(so).next_cursor !== null,
  );
  const page = pageOf(answers);
  return {
    ...page,
    total_count: whole && asked.length === nodes.length ? page.total_count : null,
    missing_nodes: missing,
    notice: missing.length > 0 ? list.missing(missing.join(', ')) : null,
  };
}
