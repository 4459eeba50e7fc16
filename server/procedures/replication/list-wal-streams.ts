/** Every WAL sender with its receiver. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { naturalName } from '../shared/present-node';
import { groupName, pageInput, pageOf } from '../shared/primitives';
import { presentWalStreams } from './present';
import { walStream } from './wire';

export const listWalStreams = query({
  name: 'replication.listWalStreams',
  summary: 'WAL senders and receivers: sent/write/flush/replay LSN and lag per link',
  rest: { method: 'GET', path: '/replication/wal/streams' },
  graphql: { field: 'walStreams' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({ ...pageInput, group: groupName.optional().meta({ description: 'Default: all groups' }) }),
  output: pageOf(walStream),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    return paginate(presentWalStreams(context.engine.current(), input.group), input, {
      list: 'replication.listWalStreams',
      key: (stream) => [stream.group, ...naturalName(stream.from), ...naturalName(stream.to)],
      direction: 1,
    });
  },
});
