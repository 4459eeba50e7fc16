/** The same question to many nodes, a bounded number at a time, in order, until there is enough. A node that does not answer is named, never left out in silence. */
import type { NodeView } from '@/engine/cluster/model';
import type { EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import type { NodeMethods } from '@/server/engine-client/api';
import type { ProcedureContext } from './context';

const atOnce = 16;
const answerTimeoutMs = 3_000;

export type Answers<T> = {
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
