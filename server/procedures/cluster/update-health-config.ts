/** Health-check interval and thresholds. */
import { isDeepStrictEqual } from 'node:util';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { untilSeen } from '../shared/own-write';
import { healthPatch, presentConfig } from './present-config';
import { healthConfig, healthConfigInput } from './wire-config';

export const updateHealthConfig = mutation({
  name: 'cluster.updateHealthConfig',
  summary: 'Health-check intervals and thresholds',
  rest: { method: 'PUT', path: '/cluster/health/config' },
  graphql: { field: 'updateHealthConfig', style: 'input' },
  role: 'operator',
  rate: 'write',
  unknownKey: (key) => `Unknown configuration key: ${key}`,
  input: healthConfigInput,
  output: healthConfig,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: { disk_warning_percent: 85 },
  async handler({ input, context }) {
    const { config } = await context.engine.leader('config.put', {
      patch: { health: healthPatch(context.engine.current().view.config.health, input) },
      requester: requesterOf(context),
    });
    await untilSeen(context, (view) => isDeepStrictEqual(view.config, config));
    return presentConfig(config, []).health;
  },
});
