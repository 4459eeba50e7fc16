import { describe, expect, it } from 'vitest';
import { serverDown } from './server-down';

describe('a question to a PostgreSQL that is not there', () => {
  it.each([
    [
      'no socket',
      Object.assign(new Error('connect ENOENT /data/run/.s.PGSQL.5501'), { code: 'ENOENT', syscall: 'connect' }),
    ],
    ['nobody listens', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })],
    ['it starts', Object.assign(new Error('the database system is starting up'), { code: '57P03' })],
  ])('%s: unavailable, with what to do and without a path', (_what, error) => {
    const told = serverDown('node-2', error);
    expect(told).toMatchObject({
      code: 'UNAVAILABLE',
      details: { reasons: [{ rule: 'postgres-answers', node: 'node-2' }] },
    });
    expect((told as Error).message).not.toContain('/');
  });

  it.each([
    ['a missing log file', Object.assign(new Error('open ENOENT'), { code: 'ENOENT', syscall: 'open' })],
    ['an SQL error', Object.assign(new Error('syntax error'), { code: '42601' })],
  ])('%s stays what it is', (_what, error) => {
    expect(serverDown('node-2', error)).toBe(error);
  });
});
