/** At a stop event streams end whole and at once: what reads them reconnects, and nothing waits for them. */
import { expect, it } from 'vitest';
import { startConsole } from '../testing/console-fixture';

it.each([
  ['REST', '/api/v1/events'],
  ['GraphQL', `/graphql/stream?query=${encodeURIComponent('subscription { clusterEvents { event_id } }')}`],
])('a stream over %s', async (_surface, path) => {
  const console = await startConsole();
  try {
    const stream = await console.request(path, { role: 'viewer', headers: { Accept: 'text/event-stream' } });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const whole = stream.text();
    const closed = console.http.close();
    console.engine.emit({ payload: { node_id: 'node-2' } });
    await expect(whole).resolves.toBeTypeOf('string');
    await closed;
  } finally {
    await console.stop();
  }
});
