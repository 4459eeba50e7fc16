/**
 * Runs before every file of unit tests, and after it. Files share a few processes, because loading the product anew for each costs more than the
 * tests do. Invariant: a file leaves its process as it found it, so that no order of files makes another one fail; the file that does not is the
 * one that fails, and it says what it left.
 */
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';

const settleMs = 5_000;
const before = stateOfProcess();
const replaceableBefore = replaceable();

// Registered before those of the file, and so the last to run.
afterAll(async () => {
  expect(stateOfProcess()).toEqual(before);
  const now = replaceable();
  const changed = [...new Set([...now.keys(), ...replaceableBefore.keys()])].filter(
    (name) => now.get(name) !== replaceableBefore.get(name),
  );
  expect(changed, 'what a test set or replaced and did not put back').toEqual([]);
  // What was closed just now takes a turn or two to be gone.
  const deadline = performance.now() + settleMs;
  while (running().length > 0 && performance.now() < deadline) await setTimeout(5);
  expect(running(), 'servers and processes that a test left').toEqual([]);
});

function stateOfProcess() {
  const openTelemetry = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1')) ?? {};
  return {
    directory: process.cwd(),
    umask: process.umask(),
    exitCode: process.exitCode,
    // For `exit`, packages add one of their own when they are loaded.
    listeners: process
      .eventNames()
      .filter((name) => name !== 'exit')
      .map((name) => `${String(name)}: ${process.listenerCount(name)}`)
      .sort(),
    tracing: Object.keys(openTelemetry).filter((name) => name !== 'version'),
  };
}

/** Compared by identity: a stand-in may look the same. Told by name: the environment may hold secrets. */
function replaceable(): ReadonlyMap<string, unknown> {
  const { stdout, stderr, kill, exit, nextTick, hrtime } = process;
  const all = new Map<string, unknown>();
  const note = (owner: string, members: object) => {
    for (const [name, value] of Object.entries(members)) all.set(`${owner}.${name}`, value);
  };
  note('global', { fetch, setTimeout: globalThis.setTimeout, setInterval, setImmediate, clearTimeout, clearInterval });
  note('global', { queueMicrotask, Date });
  note('console', console);
  note('process', { kill, exit, nextTick, hrtime });
  note('process.env', process.env);
  note('process.stdout', { write: stdout.write });
  note('process.stderr', { write: stderr.write });
  note('Date', { now: Date.now });
  note('Math', { random: Math.random });
  note('performance', { now: performance.now });
  return all;
}

/** Servers that listen and processes that run; timers and connections may run out on their own. */
function running(): readonly string[] {
  const ours = ['TCPServerWrap', 'PipeServerWrap', 'ProcessWrap', 'FSEventWrap', 'UDPWrap', 'Worker'];
  return process.getActiveResourcesInfo().filter((name) => ours.includes(name));
}
