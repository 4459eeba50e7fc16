import { expect, it } from 'vitest';
import { changeReason, takesEffect } from './setting-rules';

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

it.each([
  ['postmaster', 'after a restart'],
  ['sighup', 'on reload'],
  ['new-in-19', 'new-in-19'],
])('a setting of context %s takes effect %s', (context, text) => expect(takesEffect(context)).toBe(text));
