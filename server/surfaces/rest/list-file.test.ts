/** Lists as files: which form is meant, what is refused before a byte, that a file that ends in order is whole, and that it stays bounded. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import { parseCsv } from '../../testing/csv';
import { largeView } from '../../testing/recorded-view';

const plenty = { points: 1_000_000, seconds: 1 };
let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({ withAdmin: true, rateLimits: { node: plenty, write: plenty, read: plenty } });
});
afterAll(() => console.stop());

const audit = '/api/v1/audit';
const file = (path: string, headers: Record<string, string> = {}, role: 'admin' | 'viewer' = 'admin') =>
  console.request(path, { role, headers });

/** Many changes, refused ones included; the last carries what a spreadsheet would run. */
async function fillAudit(count: number): Promise<void> {
  const { auditWriter } = console.services.gate;
  const intent = (index: number, input: Record<string, unknown>) =>
    auditWriter.intent({
      actor: index % 2 === 0 ? 'user:admin' : '=HYPERLINK("http://evil")',
      role: 'admin',
      clientAddress: '127.0.0.1',
      surface: 'rest',
      requestId: `r${index}`,
      procedure: `things.change${index}`,
      input,
    });
  const text = 'says "yes", twice\r\nand ü';
  const written = await Promise.all(Array.from({ length: count }, (_unused, index) => intent(index, { text })));
  const outcome = { outcome: 'succeeded', code: null, message: null, operationId: null, durationMs: -1.5 } as const;
  await Promise.all(written.map((sequence) => auditWriter.outcome(sequence, outcome)));
}

describe('the audit log as a file', () => {
  beforeAll(() => fillAudit(2500));

  it('is whole, newest first, as NDJSON', async () => {
    const response = await file(audit, { Accept: 'application/x-ndjson' });
    const rows = (await response.text())
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as Wire);
    expect(rows).toHaveLength(2500);
    expect(rows.map((row) => row.procedure)).toEqual(
      Array.from({ length: 2500 }, (_unused, index) => `things.change${2499 - index}`),
    );
    const { body: page } = await console.json(`${audit}?limit=3`, { role: 'admin' });
    expect(rows.slice(0, 3)).toEqual(page);
  });

  it('keeps quotes, line ends, numbers and objects in CSV, and lets no text be a formula', async () => {
    const response = await file(`${audit}?format=csv&procedure=things.change7`);
    const [columns, row, ...more] = parseCsv(await response.text());
    expect(more).toEqual([]);
    const cells = Object.fromEntries(columns!.map((name, index) => [name, row![index]]));
    expect(cells).toMatchObject({
      actor: '\'=HYPERLINK("http://evil")',
      outcome: 'succeeded',
      code: '',
      duration_ms: '-1.5',
      procedure: 'things.change7',
    });
    expect(JSON.parse(cells.input!)).toEqual({ text: 'says "yes", twice\r\nand ü' });
    expect(columns!.slice(0, 4)).toEqual(['sequence', 'at', 'actor', 'role']);
  });

  it('takes the filters of the list, and is only a header line where nothing fits', async () => {
    const some = await file(`${audit}?format=ndjson&actor=user%3Aadmin`);
    expect((await some.text()).trimEnd().split('\n')).toHaveLength(1250);
    expect(parseCsv(await (await file(`${audit}?format=csv&actor=nobody`)).text())).toHaveLength(1);
    expect(await (await file(`${audit}?format=ndjson&actor=nobody`)).text()).toBe('');
  });

  it('is one page with the way to the next where a page is asked for', async () => {
    const response = await file(`${audit}?format=ndjson&limit=2`);
    expect((await response.text()).trimEnd().split('\n')).toHaveLength(2);
    const [, next] = /<([^>]+)>; rel="next"/.exec(response.headers.get('link')!)!;
    expect(next).toContain('format=ndjson');
    const [third] = (await (await file(next!)).text()).split('\n');
    expect(JSON.parse(third!).procedure).toBe('things.change2497');
  });

  it('is compressed for those who take it, and has no body for HEAD', async () => {
    const http = await import('node:http');
    const raw = await new Promise<Buffer>((resolve, reject) => {
      const headers = { 'X-API-Key': console.keys.admin, 'Accept-Encoding': 'gzip' };
      const request = http.get(`${console.url}${audit}?format=ndjson`, { headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
      });
      request.on('error', reject);
    });
    expect(gunzipSync(raw).toString().trimEnd().split('\n')).toHaveLength(2500);
    const head = await console.request(`${audit}?format=csv`, { role: 'admin', method: 'HEAD' });
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'text/csv; charset=utf-8',
      '',
    ]);
  });

  it('refuses before a byte who may not, and what is no such form, in the one error body', async () => {
    for (const headers of [{ Accept: 'text/csv' }, { Accept: 'application/x-ndjson' }] as const) {
      const refused = await file(audit, headers, 'viewer');
      expect([refused.status, ((await refused.json()) as Wire).code]).toEqual([403, 'FORBIDDEN']);
    }
    for (const query of [
      'format=xml',
      'format=csv&format=csv',
      'format=',
      'format=csv&surprise=1',
      'format=csv&from=x',
    ]) {
      const refused = await file(`${audit}?${query}`);
      expect([query, refused.status, ((await refused.json()) as Wire).code]).toEqual([query, 400, 'INVALID_INPUT']);
    }
  });

  it('is JSON for everybody who does not ask for another form', async () => {
    for (const accept of ['*/*', 'application/json', 'text/html', 'application/json, text/csv;q=0.5', 'garbage']) {
      const response = await file(`${audit}?limit=1`, { Accept: accept });
      expect([accept, response.headers.get('content-type')]).toEqual([accept, 'application/json; charset=utf-8']);
    }
    const asked = await file(`${audit}?limit=1&format=json`, { Accept: 'text/csv' });
    expect(asked.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const notAList = await file('/api/v1/audit/verify?format=csv');
    expect(notAList.status).toBe(400);
  });

  it('is cut off, not ended, when it can’t be completed', async () => {
    const { audit: trail } = console.services;
    const entries = trail.entries.bind(trail);
    trail.entries = async function* (filter) {
      let count = 0;
      for await (const entry of entries(filter)) {
        if (++count > 1200) throw new Error('the disk is gone');
        yield entry;
      }
    };
    try {
      const response = await file(`${audit}?format=ndjson`);
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow();
    } finally {
      trail.entries = entries;
    }
  });
});

it('ends when the session or key that asked for it ends', async () => {
  const { body: key } = await console.json('/api/v1/api-keys', {
    role: 'admin',
    method: 'POST',
    body: { name: 'archiver', role: 'admin' },
  });
  const { audit: trail } = console.services;
  const entries = trail.entries.bind(trail);
  let goOn = () => {};
  const revoked = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  trail.entries = async function* (filter) {
    let count = 0;
    for await (const entry of entries(filter)) {
      if (++count === 600) await revoked;
      yield entry;
    }
  };
  try {
    const response = await fetch(`${console.url}${audit}?format=ndjson`, { headers: { 'X-API-Key': key.secret } });
    expect(response.status).toBe(200);
    const whole = response.text();
    await console.json(`/api/v1/api-keys/${key.id}`, { role: 'admin', method: 'DELETE', body: {} });
    goOn();
    await expect(whole).rejects.toThrow();
  } finally {
    trail.entries = entries;
  }
});

it('follows the pages of a list that has no other way, and waits where the caller’s limit says so', async () => {
  const limited = await startConsole({ rateLimits: { read: { points: 2, seconds: 1 } } });
  try {
    limited.engine.view = largeView(2500);
    const response = await limited.request('/api/v1/cluster/nodes?format=ndjson', { role: 'viewer' });
    const rows = (await response.text())
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as Wire);
    expect(rows).toHaveLength(2500);
    expect(new Set(rows.map((row) => row.id)).size).toBe(2500);
  } finally {
    await limited.stop();
  }
});
