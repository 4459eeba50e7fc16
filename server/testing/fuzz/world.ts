/** A console for fuzzing: operations end as soon as they begin, and what a recording keeps is cut, so that memory shows the server's own. */
import { type ConsoleFixture, startConsole } from '../console-fixture';

const plenty = { points: 1_000_000, seconds: 1 };

export async function startFuzzedConsole(): Promise<ConsoleFixture> {
  const console = await startConsole({
    withAdmin: true,
    rateLimits: { read: plenty, node: plenty, write: plenty, login: plenty, anonymous: plenty },
  });
  const { engine } = console;
  engine.onView(() => {
    const begun = engine.view.operations.find((one) => one.state === 'pending');
    if (begun) queueMicrotask(() => engine.finish(begun.id, { state: 'succeeded' }));
    if (engine.view.operations.length > 100)
      engine.view = { ...engine.view, operations: engine.view.operations.slice(-50) };
    (engine.requests as unknown[]).length = 0;
  });
  return console;
}
