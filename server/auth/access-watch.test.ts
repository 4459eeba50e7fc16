/** What runs out is told when it runs out, not when somebody looks again; what was closed meanwhile is told nothing. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClusterError } from '@/engine/kernel/errors';
import { AccessWatch } from './access-watch';
import type { StoredAccounts } from './accounts';
import type { Identity } from './api';
import type { Identifier } from './identify';
import type { Sessions } from './sessions';

let watch: AccessWatch;
beforeEach(() => {
  vi.useFakeTimers();
  const silent = { refresh: async () => undefined, onChange: () => () => undefined };
  const identifier = {
    identify: async () => {
      if (Date.now() >= Date.parse(key.expiresAt!)) throw new ClusterError('UNAUTHORIZED', 'expired');
      return { identity: key, byCookie: false };
    },
  };
  watch = new AccessWatch({
    identifier: identifier as unknown as Identifier,
    accounts: silent as unknown as StoredAccounts,
    sessions: silent as unknown as Sessions,
  });
  key = { ...key, expiresAt: new Date(Date.now() + 1000).toISOString() };
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

let key: Extract<Identity, { kind: 'api-key' }> = { kind: 'api-key', id: 'k', name: 'k', role: 'viewer' };

it('tells of a key that runs out within a second, once', async () => {
  const lost = vi.fn();
  watch.watch({}, key, lost);
  await vi.advanceTimersByTimeAsync(999);
  expect(lost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(500);
  expect(lost).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(lost).toHaveBeenCalledTimes(1);
});

it('tells nothing to what was closed, and keeps no timer for it or for what never runs out', async () => {
  const lost = vi.fn();
  const before = vi.getTimerCount();
  const stop = watch.watch({}, key, lost);
  expect(vi.getTimerCount()).toBe(before + 1);
  stop();
  watch.watch({}, { ...key, expiresAt: null }, lost);
  watch.watch({}, { ...key, expiresAt: '2999-01-01T00:00:00.000Z' }, lost);
  expect(vi.getTimerCount()).toBe(before);
  await vi.advanceTimersByTimeAsync(5000);
  expect(lost).not.toHaveBeenCalled();
});
