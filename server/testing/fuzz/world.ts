/** A console for fuzzing: operations end as soon as they begin, and what a recording keeps is cut, so that memory shows the server's own. */
import { type ConsoleFixture, startConsole } from '../console-fixture';
import type { Held } from './stream-run';

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
  // Something to tell for whoever listens, of every kind that a filter looks at; so seldom that the ring of events does not look like a leak.
  const kinds = [
    { category: 'clustering', eventType: 'node_health_change', source: 'node:node-2' },
    { category: 'replication', eventType: 'replication_lag_alert', source: 'replica:node-3', severity: 'warning' },
    { category: 'operation', eventType: 'operation_started', payload: { group: 'alpha' } },
    { category: 'audit', eventType: 'audit_recorded', severity: 'critical' },
  ] as const;
  let told = 0;
  const talk = setInterval(() => engine.emit(kinds[told++ % kinds.length]!), 250);
  return {
    ...console,
    async stop() {
      clearInterval(talk);
      await console.stop();
    },
  };
}

/** What it holds for whoever is connected. */
export async function heldBy({ http, engine, services }: ConsoleFixture): Promise<Held> {
  const connections = await new Promise<number>((resolve, reject) =>
    http.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
  const { body } = await services.gate.metrics.text();
  const streams = body.matchAll(/^rustydb_api_open_streams\{[^}]*\} (\d+)$/gm);
  return { connections, listeners: engine.listeners, streams: [...streams].reduce((sum, [, n]) => sum + Number(n), 0) };
}
