/** Partial change of the configuration; dependants that were not set move along and are listed in `adjusted`. */
import { isDeepStrictEqual } from 'node:util';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { untilSeen } from '../shared/own-write';
import { configPatch, presentConfig } from './present-config';
import { clusterConfig, clusterConfigInput } from './wire-config';

export const updateConfig = mutation({
  name: 'cluster.updateConfig',
  summary: 'Update cluster configuration',
  rest: { method: 'PUT', path: '/cluster/config' },
  graphql: { field: 'updateClusterConfig', style: 'input' },
  role: 'operator',
  rate: 'write',
  unknownKey: (key) => `Unknown configuration key: ${key}`,
  adminKeys: ['allow_data_loss'],
  input: clusterConfigInput,
  output: clusterConfig,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'CONFLICT', 'UNAVAILABLE'],
  example: { drain_ms: 5000 },
  async handler({ input, context }) {
    const { config, adjusted } = await context.engine.leader('config.put', {
      patch: configPatch(input),
      allowDataLoss: input.allow_data_loss,
      requester: requesterOf(context),
    });
    await untilSeen(context, (view) => isDeepStrictEqual(view.config, config));
    return presentConfig(config, adjusted);
  },
});
