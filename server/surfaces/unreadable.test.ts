/** What is no request for Node never reaches a surface, and is refused in the form that every refusal has. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

function send(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(console.url).port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

it.each([
  ['a header without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n', 400, 'INVALID_INPUT'],
  ['no known method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'INVALID_INPUT'],
  ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(17_000)}`, 413, 'PAYLOAD_TOO_LARGE'],
])('%s', async (_what, text, status, code) => {
  const [head, body] = (await send(text)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const refusal = JSON.parse(body!);
  expect(refusal).toMatchObject({ code, details: null });
  expect(head).toContain(`X-Request-Id: ${refusal.request_id}`);
});

it('nothing is put into an answer that has begun', async () => {
  const { viewer } = console.keys;
  const stream = `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: ${viewer}\r\n\r\n`;
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(console.url).port), '127.0.0.1', () => socket.write(stream));
    let got = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      if (got === '') socket.write('no request\r\n\r\n');
      got += part;
    });
    socket.on('close', () => resolve(got)).on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  expect(answer).not.toContain('INVALID_INPUT');
});
