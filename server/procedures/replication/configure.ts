/** Sets the replication mode of a group, its voters and the settings that go with it. */
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findGroup } from '../shared/find';
import { isAdmin } from '../shared/identity';
import { runOperation } from '../shared/operate';
import { operation } from '../shared/wire-operation';
import { askForReplicationConfig, configureRequest } from './present-config';
import { configureResult, replicationConfig, replicationConfigInput } from './wire';

export const configure = mutation({
  name: 'replication.configure',
  summary: 'Set the replication mode (sync, async, semi-sync) and its parameters',
  rest: { method: 'POST', path: '/replication/configure' },
  graphql: { field: 'configureReplication', style: 'input' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['allow_data_loss'],
  input: replicationConfigInput,
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'TIMEOUT', 'UNAVAILABLE'],
  example: { mode: 'semi_synchronous', standby_nodes: ['node-2', 'node-3'], group: 'alpha', dry_run: true },
  legacy: {
    status: 200,
    output: configureResult,
    graphql: { output: replicationConfig, of: (body) => body.config },
    async present(done, context) {
      const group = findGroup(context.engine.current().view, done.group ?? undefined);
      const config = await askForReplicationConfig(context, group.record.name);
      return {
        success: true,
        message: `Replication of ${group.record.name} is ${config.mode}`,
        config,
        pending_restart: config.pending_restart,
      };
    },
  },
  handler({ input, context }) {
    if (input.archive_command !== undefined && !isAdmin(context.identity)) {
      throw new ClusterError('FORBIDDEN', 'archive_command is a shell command on the host: only an admin may set it');
    }
    if (input.archive_command !== undefined) {
      throw new ClusterError('FORBIDDEN', 'archive_command is off unless it is enabled in the start configuration');
    }
    return runOperation(context, input, configureRequest(context.engine.current().view, input));
  },
});
