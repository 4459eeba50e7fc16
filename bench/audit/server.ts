/** The server of bench:audit: a console over a recording that finds a log of so many records, written as its own writer writes them. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { encodeLine, genesis, type LineContent } from '../../server/audit/chain';
import { currentName } from '../../server/audit/segments';
import { startConsole } from '../../server/testing/console-fixture';

const records = Number(process.argv[2]);
const partBytes = 64 * 1024 * 1024;
const everyMs = (365 * 24 * 3_600_000) / records;
const calls = ['cluster.failover', 'users.create', 'auth.login', 'cluster.updateNodeSettings', 'gds.getCredentials'];

async function writeLog(dataDirectory: string): Promise<void> {
  const directory = join(dataDirectory, 'audit');
  await mkdir(directory, { recursive: true });
  const begin = Date.now() - 365 * 24 * 3_600_000;
  let previous = genesis;
  let sequence = 0;
  for (let record = 0; record < records; ) {
    const lines: string[] = [];
    const first = sequence;
    let bytes = 0;
    const add = (content: LineContent, at: number) => {
      const one = encodeLine(content, { sequence: sequence++, at: new Date(at).toISOString(), previous });
      previous = one.line.hash;
      bytes += one.text.length;
      lines.push(one.text);
    };
    for (; record < records && bytes < partBytes; record++) {
      const at = begin + record * everyMs;
      const of = sequence;
      add(
        {
          kind: 'intent',
          actor: record % 3 === 0 ? 'user:maria' : 'api-key:deploy',
          role: 'operator',
          clientAddress: `10.0.${record % 7}.${record % 250}`,
          surface: record % 2 === 0 ? 'rest' : 'trpc',
          requestId: `70a99462-1986-498f-8f12-${String(record).padStart(12, '0')}`,
          procedure: calls[record % calls.length]!,
          input: { group: 'alpha', mode: 'switchover', reason: `change ${record} of the year`, dry_run: true },
        },
        at,
      );
      const refused = record % 10 === 0;
      const code = refused ? 'PRECONDITION_FAILED' : null;
      const message = refused ? 'alpha is served by node-1 under epoch 1.' : null;
      const outcome = refused ? 'refused' : 'succeeded';
      add({ kind: 'outcome', of, outcome, code, message, operationId: null, durationMs: 12.5 }, at + 13);
    }
    const name = record < records ? `audit.${first}.jsonl` : currentName;
    const file = createWriteStream(join(directory, name), { mode: 0o600 });
    file.end(lines.join(''));
    await finished(file);
  }
}

const plenty = { points: 1_000_000, seconds: 1 };
let preparedAt = 0;
const fixture = await startConsole({
  rateLimits: { read: plenty, node: plenty },
  prepare: async (directory) => {
    await writeLog(directory);
    preparedAt = performance.now();
  },
});
process.on('SIGTERM', () => void fixture.stop().then(() => process.exit(0)));
process.send!({
  url: fixture.url,
  key: fixture.keys.admin,
  dataDirectory: fixture.dataDirectory,
  startMs: performance.now() - preparedAt,
});
