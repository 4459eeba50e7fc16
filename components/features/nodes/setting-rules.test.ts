import { expect, it } from 'vitest';
import { changeReason } from './setting-rules';

it.each([
  ['work_mem', 'user', null],
  ['max_connections', 'postmaster', null],
  ['block_size', 'internal', /fixed/],
  ['synchronous_standby_names', 'sighup', /cluster itself/],
  ['archive_command', 'sighup', /cluster itself/],
])('%s (%s)', (name, context, reason) => {
  if (reason === null) expect(changeReason({ name, context })).toBeNull();
  else expect(changeReason({ name, context })).toMatch(reason);
});
