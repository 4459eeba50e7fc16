/** Faults that are injected now. */
import { z } from 'zod';
import { query } from '../definition';
import { presentFault } from '../present/node-details';
import { fault } from '../schemas/node';

export const listFaults = query({
  name: 'cluster.listFaults',
  summary: 'Faults that are injected now, on every node that answers',
  rest: { method: 'GET', path: '/cluster/faults' },
  graphql: { field: 'injectedFaults' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({}),
  output: z.array(fault),
  errors: ['UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    const nodes = context.engine.connectedNodes();
    const answers = await Promise.allSettled(nodes.map((node) => context.engine.node(node, 'node.faults', {}, 3000)));
    return answers.flatMap((answer, index) =>
      answer.status === 'fulfilled' ? answer.value.map((one) => presentFault(nodes[index] ?? '', one)) : [],
    );
  },
});
