/**
 * Whatever is wrong with a request before any procedure runs is refused as everything is: in the surface's own form of an error, with our code,
 * the request id and the headers that every answer has. One table, all surfaces.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, errorTable } from '@/engine/kernel/errors';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { securityHeaders } from './security-headers';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

type Form = 'REST' | 'GraphQL' | 'tRPC';
type Sent = { readonly line: string; readonly headers?: readonly string[]; readonly body?: string | Buffer };
type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string };

function send({ line, headers = [], body = '' }: Sent): Promise<Answer> {
  const own = headers.some((one) => one.startsWith('Host:')) ? [] : ['Host: console.example'];
  const key = headers.some((one) => one.startsWith('X-API-Key:')) ? [] : [`X-API-Key: ${console.keys.admin}`];
  const lines = [`${line} HTTP/1.1`, ...own, ...key, `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(console.url).port), '127.0.0.1', () => {
      socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
      socket.write(body);
    });
    const parts: Buffer[] = [];
    socket.on('data', (part) => void parts.push(part));
    // A refusal may come while the body is still on its way.
    socket.on('error', (error: Error & { code?: string }) => {
      if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => {
      const [head = '', text = ''] = Buffer.concat(parts).toString('utf8').split('\r\n\r\n');
      const [status = '', ...fields] = head.split('\r\n');
      const pairs = fields.map((field) => /^([^:]+): (.*)$/.exec(field)!);
      const fieldsByName = Object.fromEntries(pairs.map((pair) => [pair[1]!.toLowerCase(), pair[2]!]));
      resolve({
        status: Number(status.split(' ')[1]),
        headers: fieldsByName,
        text: fieldsByName['transfer-encoding'] === 'chunked' ? joined(text) : text,
      });
    });
  });
}

/** Of short ASCII chunks. */
function joined(chunked: string): string {
  const lines = chunked.split('\r\n');
  return lines.filter((_line, index) => index % 2 === 1).join('');
}

/** The error body, from where the form has it. */
function errorIn(form: Form, body: Wire): Wire {
  if (form === 'REST') return body;
  if (form === 'tRPC') {
    expect(Object.keys(body)).toEqual(['error']);
    expect(body.error).toMatchObject({ message: expect.any(String), code: expect.any(Number) });
    expect(body.error.data.httpStatus).toBeGreaterThan(399);
    return body.error.data.error;
  }
  expect(body.data).toBeUndefined();
  expect(body.errors).toHaveLength(1);
  return { message: body.errors[0].message, ...body.errors[0].extensions };
}

type Row = readonly [what: string, form: Form, sent: Sent, code: ErrorCode, headers?: Readonly<Record<string, string>>];

const get = (path: string, ...headers: string[]): Sent => ({ line: `GET ${path}`, headers });
const post = (path: string, body: Sent['body'], type = 'application/json'): Sent => ({
  line: `POST ${path}`,
  headers: type === '' ? [] : [`Content-Type: ${type}`],
  body,
});
const line = (text: string): Sent => ({ line: text });

/** Where a body goes, in each form. */
const takers = [
  ['REST', '/api/v1/cluster/failover'],
  ['GraphQL', '/graphql'],
  ['GraphQL', '/graphql/stream'],
  ['tRPC', '/api/trpc/auth.logout'],
] as const;
/** What may be read, in each form. */
const readers = [
  ['REST', '/api/v1/cluster/nodes'],
  ['REST', '/api/v1/events'],
  ['GraphQL', '/graphql?query=%7B__typename%7D'],
  ['GraphQL', '/graphql/stream?query=%7B__typename%7D'],
  ['tRPC', '/api/trpc/auth.me'],
] as const;
const noText = Buffer.from([0x22, 0xff, 0x22]);
const unnamed = JSON.stringify({ query: '{__typename}', operationName: 'x' });
const mutation = encodeURIComponent('mutation { logout { success } }');
const upgrade = ['Upgrade: websocket', 'Connection: Upgrade'];
const closes = { connection: 'close' };
const challenge = { 'www-authenticate': 'Bearer' };
const allow = (methods: string) => ({ allow: methods });

const table: readonly Row[] = [
  // An address that is none.
  ['an unknown path', 'REST', get('/api/v1/nothing'), 'NOT_FOUND'],
  ['an unknown path beside the API', 'REST', get('/api/v2/cluster'), 'NOT_FOUND'],
  ['a path with a broken escape', 'REST', get('/api/v1/cluster/nodes/%zz'), 'INVALID_INPUT'],
  ['an unknown path', 'GraphQL', line('POST /graphql/nothing'), 'NOT_FOUND'],
  ['a path below the stream', 'GraphQL', line('POST /graphql/stream/x'), 'NOT_FOUND'],
  ['an unknown procedure', 'tRPC', get('/api/trpc/no.such'), 'NOT_FOUND'],
  ['no procedure', 'tRPC', get('/api/trpc'), 'NOT_FOUND'],
  ['no procedure behind a slash', 'tRPC', get('/api/trpc/'), 'NOT_FOUND'],
  ['a path with a broken escape', 'tRPC', get('/api/trpc/%zz'), 'NOT_FOUND'],
  // A method that the address does not take.
  ['a wrong method', 'REST', line('DELETE /api/v1/cluster/nodes'), 'METHOD_NOT_ALLOWED', allow('GET, HEAD, POST')],
  ['a wrong method for events', 'REST', line('POST /api/v1/events'), 'METHOD_NOT_ALLOWED', allow('GET, HEAD')],
  ['a wrong method', 'GraphQL', line('DELETE /graphql'), 'METHOD_NOT_ALLOWED', allow('GET, POST')],
  ['a wrong method for events', 'GraphQL', line('PUT /graphql/stream'), 'METHOD_NOT_ALLOWED', allow('GET, POST')],
  ['a mutation by GET', 'GraphQL', get(`/graphql?query=${mutation}`), 'METHOD_NOT_ALLOWED', allow('POST')],
  ['a mutation by GET', 'GraphQL', get(`/graphql/stream?query=${mutation}`), 'METHOD_NOT_ALLOWED', allow('POST')],
  ['a wrong method', 'tRPC', line('DELETE /api/trpc/auth.me'), 'METHOD_NOT_ALLOWED', allow('GET, POST')],
  ['a query by POST', 'tRPC', post('/api/trpc/auth.me', '{}'), 'METHOD_NOT_ALLOWED', allow('GET')],
  ['a mutation by GET', 'tRPC', get('/api/trpc/auth.logout'), 'METHOD_NOT_ALLOWED', allow('POST')],
  // A body that is not what it should be.
  ...takers.flatMap(([form, path]): Row[] => [
    [`another content type at ${path}`, form, post(path, '{}', 'text/plain'), 'UNSUPPORTED_MEDIA_TYPE'],
    [`bytes at ${path}`, form, post(path, '{}', 'application/octet-stream'), 'UNSUPPORTED_MEDIA_TYPE'],
    [`no content type at ${path}`, form, post(path, '{}', ''), 'UNSUPPORTED_MEDIA_TYPE'],
    [`broken JSON at ${path}`, form, post(path, '{'), 'INVALID_INPUT'],
    [`JSON of another kind at ${path}`, form, post(path, '[]'), 'INVALID_INPUT'],
    [`bytes that are no text at ${path}`, form, post(path, noText), 'INVALID_INPUT'],
    [`a body that is too large at ${path}`, form, post(path, 'x'.repeat(1_100_000)), 'PAYLOAD_TOO_LARGE', closes],
  ]),
  ['broken JSON in the address', 'tRPC', get('/api/trpc/auth.me?input=%7B'), 'INVALID_INPUT'],
  // An input that is none.
  ['an unknown parameter', 'REST', get('/api/v1/events?foo=1'), 'INVALID_INPUT'],
  ['a parameter twice', 'REST', get('/api/v1/cluster/nodes?limit=1&limit=2'), 'INVALID_INPUT'],
  ['an unknown parameter', 'GraphQL', get('/graphql?query=%7Ba%7D&foo=1'), 'INVALID_INPUT'],
  ['a parameter twice', 'GraphQL', get('/graphql?query=%7Ba%7D&query=%7Bb%7D'), 'INVALID_INPUT'],
  ['no document', 'GraphQL', get('/graphql'), 'INVALID_INPUT'],
  ['a document that is none', 'GraphQL', post('/graphql', '{"query":"{"}'), 'INVALID_INPUT'],
  ['an operation that the document has not', 'GraphQL', post('/graphql', unnamed), 'INVALID_INPUT'],
  ['an operation that the document has not', 'GraphQL', post('/graphql/stream', unnamed), 'INVALID_INPUT'],
  ['a batch of different kinds', 'tRPC', get('/api/trpc/auth.me,auth.logout?batch=1'), 'INVALID_INPUT'],
  ['a batch without end', 'tRPC', get(`/api/trpc/${'auth.me,'.repeat(200)}auth.me?batch=1`), 'INVALID_INPUT'],
  ['no parameters of a connection', 'tRPC', get('/api/trpc/auth.me?connectionParams=%7B'), 'INVALID_INPUT'],
  // A caller who is nobody; a host that is none.
  ...readers.flatMap(([form, path]): Row[] => [
    [`a wrong key at ${path}`, form, get(path, 'X-API-Key: wrong'), 'UNAUTHORIZED', challenge],
    [`a host that is none at ${path}`, form, get(path, 'Host: ['), 'INVALID_INPUT'],
    [`a key for repeating that is none at ${path}`, form, get(path, 'Idempotency-Key: a b'), 'INVALID_INPUT'],
  ]),
  ['no key', 'tRPC', get('/api/trpc/auth.me', 'X-API-Key: '), 'UNAUTHORIZED', challenge],
  // Before there is a path, there is one form.
  ['an address that is too long', 'REST', get(`/graphql?query=${'x'.repeat(20_000)}`), 'PAYLOAD_TOO_LARGE', closes],
  [
    'headers that are too large',
    'REST',
    get('/api/trpc/auth.me', `X: ${'x'.repeat(20_000)}`),
    'PAYLOAD_TOO_LARGE',
    closes,
  ],
  ['a header that is none', 'REST', get('/api/trpc/auth.me', 'none'), 'INVALID_INPUT', closes],
  ['a WebSocket without an upgrade', 'REST', get('/api/v1/ws/cluster/nodes'), 'INVALID_INPUT'],
  ['an id of no event', 'REST', get('/api/v1/events', 'Last-Event-ID: zzz'), 'INVALID_INPUT'],
  ...['/api/v1/ws/cluster/nodes', '/graphql', '/api/trpc'].flatMap((path): Row[] => [
    [`a handshake without a key at ${path}`, 'REST', get(path, ...upgrade), 'INVALID_INPUT', closes],
    [
      `a handshake of another version at ${path}`,
      'REST',
      get(path, ...upgrade, 'Sec-WebSocket-Version: 7', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='),
      'INVALID_INPUT',
      { 'sec-websocket-version': '13, 8' },
    ],
    [
      `a handshake by POST at ${path}`,
      'REST',
      { line: `POST ${path}`, headers: upgrade },
      'METHOD_NOT_ALLOWED',
      allow('GET'),
    ],
  ]),
  ['an upgrade to nothing', 'REST', get('/api/v1/ws/nothing', ...upgrade), 'NOT_FOUND', closes],
  [
    'an upgrade by nobody',
    'REST',
    get('/api/v1/ws/cluster/nodes', ...upgrade, 'X-API-Key: wrong'),
    'UNAUTHORIZED',
    challenge,
  ],
];

describe.each(['REST', 'GraphQL', 'tRPC'] as const)('%s', (form) => {
  const rows = table.filter((row) => row[1] === form).map(([what, , ...row]) => [what, row] as const);

  it.each(rows)('%s', async (_what, [sent, code, more = {}]) => {
    const { status, headers, text } = await send(sent);
    expect([status, headers['content-type']?.split(';')[0]]).toEqual([errorTable[code].http, 'application/json']);
    const error = errorIn(form, JSON.parse(text));
    expect(error).toMatchObject({ code, message: expect.any(String), timestamp: expect.any(Number) });
    expect(error.message).not.toMatch(/\b(undefined|null|NaN|object Object)\b|\bat .*:\d+|node_modules/);
    expect(error.request_id).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    expect(headers['x-request-id']).toBe(error.request_id);
    for (const [name, value] of Object.entries({ ...securityHeaders(false), 'Cache-Control': 'no-store', ...more })) {
      expect([name, headers[name.toLowerCase()]]).toEqual([name, value]);
    }
  });
});

it.each(['/api/v1/cluster/failover', '/api/trpc/cluster.failover'])(
  'what is nested too deeply at %s is refused and kept in the audit log',
  async (path) => {
    const body = `{"group":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const requestId = `deep-${path.length}`;
    const { status } = await send({
      ...post(path, body),
      headers: ['Content-Type: application/json', `X-Request-Id: ${requestId}`],
    });
    expect(status).toBe(400);
    const audit = (await console.json('/api/v1/audit', { role: 'admin' })).body as Wire[];
    expect(audit.find((one) => one.request_id === requestId)).toMatchObject({
      procedure: 'cluster.failover',
      outcome: 'refused',
      code: 'INVALID_INPUT',
      input: { group: '(nested too deeply to be kept)' },
    });
  },
);
