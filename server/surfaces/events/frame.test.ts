/** Frames read by another implementation of the protocol, at each of the three forms of their length. */
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import Client, { type WebSocket, WebSocketServer } from 'ws';
import { textFrame, writeTogether } from './frame';

it.each([1, 125, 126, 65_535, 65_536, 200_000])('are read whole at %d bytes', async (length) => {
  const server = new WebSocketServer({ port: 0, perMessageDeflate: false });
  const text = 'é'.repeat(Math.floor(length / 2)) + 'x'.repeat(length % 2);
  server.on('connection', (_socket: WebSocket, request) => {
    writeTogether(request.socket, textFrame(text));
    writeTogether(request.socket, textFrame('second'));
  });
  const client = new Client(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
  const received: string[] = [];
  await new Promise<void>((resolve) => {
    client.on('message', (data) => {
      if (received.push(data.toString()) === 2) resolve();
    });
  });
  expect(received).toEqual([text, 'second']);
  client.terminate();
  server.close();
});

it('puts the writes of one turn together', async () => {
  const transport = new PassThrough();
  let corks = 0;
  const cork = transport.cork.bind(transport);
  transport.cork = () => {
    corks++;
    cork();
  };
  for (const text of ['a', 'b', 'c']) writeTogether(transport, textFrame(text));
  expect([corks, transport.writableCorked]).toEqual([1, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(transport.writableCorked).toBe(0);
});
