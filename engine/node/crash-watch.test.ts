import { describe, expect, it } from 'vitest';
import { keys } from '../cluster/model';
import { systemLoop } from '../kernel/loop';
import type { ServerExit } from '../postgres/api';
import { MemoryStore } from '../testing/memory-store';
import { CrashWatch } from './crash-watch';
import type { NodeContext } from './node-context';
import { ServerStarts } from './server-starts';

const exit = { expected: false, at: '2026-01-01T00:00:00.000Z' } as ServerExit;
const silent = () => undefined;

/** The holder of epoch 3, whose start as primary ends when the test says so. */
function holder() {
  const store = new MemoryStore();
  store.put(keys.group('alpha'), { name: 'alpha', primary: 'node-1', epoch: 3, voterSet: { members: [], k: 0 } });
  const listeners: ((exit: ServerExit) => void)[] = [];
  const starts: { succeed: () => void; fail: (error: Error) => void }[] = [];
  const context = {
    loop: systemLoop,
    logger: { info: silent, warn: silent, error: silent },
    config: { nodeId: 'node-1', group: 'alpha' },
    store: store.as('node-1'),
    postgres: {
      onExit: (listener: (exit: ServerExit) => void) => {
        listeners.push(listener);
        return silent;
      },
      estimateRedoMs: () => ({ ms: 10, walBytes: 0, bytesPerSecond: 1 }),
      killAll: async () => undefined,
      isDead: async () => true,
      start: () => new Promise<void>((succeed, fail) => starts.push({ succeed, fail })),
    },
  } as unknown as NodeContext;
  const serverStarts = new ServerStarts(context, async () => ({}));
  const decisions: string[] = [];
  new CrashWatch({
    context,
    lease: { epoch: 3, holds: () => true, input: silent },
    loop: { starts: serverStarts, trigger: silent },
    successors: { possible: () => true },
    notify: (notice) => decisions.push(notice.decision),
  });
  const begun = async () => {
    const start = serverStarts.primary(() => 1000).catch(silent);
    await expect.poll(() => starts.length).toBe(1);
    return { ...starts[0]!, ended: start };
  };
  return { begun, crash: () => listeners[0]!(exit), decisions, serverStarts };
}

describe('a server that ends while its start is under way', () => {
  it('had come up: it is started again in place, as after any first crash', async () => {
    const { begun, crash, decisions, serverStarts } = holder();
    const start = await begun();
    crash();
    start.succeed();
    await start.ended;
    await expect.poll(() => decisions).toEqual(['restart-in-place']);
    expect(serverStarts.unserved).toBe(0);
  });

  it('never came up: another member takes over', async () => {
    const { begun, crash, decisions } = holder();
    const start = await begun();
    crash();
    // Long enough for a decision that waits for nothing.
    await new Promise((done) => setImmediate(done));
    expect(decisions).toEqual([]);
    start.fail(new Error('PostgreSQL ended while starting'));
    await expect.poll(() => decisions).toEqual(['fail-over']);
  });
});
