/** A failover, each time it takes a step. */
import { z } from 'zod';
import { subscription } from '../definition';
import { viewChanges } from '../shared/view-stream';
import { presentFailoverEvent } from './present-failover';
import { failoverEvent } from './wire-failover';

export const watchFailovers = subscription({
  name: 'cluster.watchFailovers',
  summary: 'A failover, each time it takes a step',
  rest: { method: 'GET', path: '/cluster/failovers/changes' },
  graphql: { field: 'failoverEvent' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: failoverEvent,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ context }) {
    let known: Map<string, string> | null = null;
    for await (const { view } of viewChanges(context)) {
      const failovers = view.operations.filter((one) => one.kind === 'failover');
      const now = new Map(failovers.map((one) => [one.id, `${one.state}/${one.steps.map((step) => step.state)}`]));
      for (const one of failovers) {
        if (known && known.get(one.id) !== now.get(one.id)) yield presentFailoverEvent(one);
      }
      known = now;
    }
  },
});
