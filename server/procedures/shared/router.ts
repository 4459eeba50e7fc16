/** What the router reports to the agents, asked of whichever node knows it. */
import { ClusterError } from '@/engine/kernel/errors';
import { firstAnswer } from '@/engine/kernel/first-answer';
import type { RouterStatus } from '@/engine/runtime/engine-api';
import type { EngineClient } from '@/server/engine-client/api';

/** One that restarted lately may not have heard of the router yet, so others are asked too; a frozen one costs only the patience. */
const askedNodes = 8;
const patienceMs = 100;
export const answerTimeoutMs = 1500;

/** The first answer that knows something. @throws UNAVAILABLE when none does */
export async function firstKnown<T>(engine: EngineClient, ask: (node: string) => Promise<T | null>): Promise<T> {
  const known = async (node: string) => {
    const answer = await ask(node);
    if (answer === null) throw unknownServices();
    return answer;
  };
  const nodes = engine.connectedNodes().slice(0, askedNodes);
  return (await firstAnswer(nodes, known, patienceMs, unknownServices)).value;
}

export function unknownServices(): ClusterError {
  return new ClusterError(
    'UNAVAILABLE',
    'No node that answers knows where the services listen; ask again in a moment',
    {
      clusterCode: 'CLU_NODE_UNREACHABLE',
    },
  );
}

/** Null while no router reports. */
export function askForRouter(engine: EngineClient): Promise<RouterStatus | null> {
  return firstKnown(engine, (node) => engine.node(node, 'router.get', {}, answerTimeoutMs)).catch(() => null);
}

export function presentRouter(router: RouterStatus | null) {
  return router === null ? null : { host: router.host, pid: router.pid, started_at: router.startedAt };
}
