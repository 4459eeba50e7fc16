/** A session's own guard: what passes is decided chunk by chunk, whatever timers and route changes do. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Session } from './session';
import { queryPacket, RawClient } from './testing/raw-client';
import { eventually } from './testing/test-router';

const authenticationOk = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

let listener: Server;
let application: RawClient;
let backend: Socket;
let received: string;
let closed: number;
let why: string | null;

/** Both ends of one TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const { port } = listener.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const near = connect({ host: '127.0.0.1', port });
  const far = await accepted;
  for (const socket of [near, far]) socket.on('error', () => {});
  return [near, far];
}

beforeEach(async () => {
  listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const [clientNear, clientFar] = await pair();
  const [serverNear, serverFar] = await pair();
  application = new RawClient(clientNear);
  backend = serverFar;
  received = '';
  closed = 0;
  why = null;
  backend.on('data', (chunk) => {
    received += chunk.toString();
  });
  const session = new Session({
    client: clientFar,
    server: serverNear,
    clientAddress: 'here',
    parameters: { user: 'app', database: 'app', applicationName: null },
    pin: { kind: 'rw', node: 'a', epoch: 1 },
    target: { node: 'a', host: '127.0.0.1', port: 1, epoch: 1 },
    lingerMs: 200,
    whyEnd: () => why,
    onKey: () => {},
    onProven: () => {},
    onHeard: () => {},
    onClose: () => void closed++,
  });
  session.start(Buffer.concat([authenticationOk, ready]), []);
  await application.next('Z');
});
afterEach(async () => {
  application.socket.destroy();
  backend.destroy();
  await new Promise((resolve) => listener.close(resolve));
});

describe('once its permission is gone', () => {
  it('nothing of the server passes', async () => {
    why = 'the permission ran out';
    backend.write(Buffer.from([0x43, 0, 0, 0, 5, 0x21]));
    expect(await application.error()).toMatchObject({ code: '57P01', message: expect.stringMatching(/ran out/) });
    expect(application.messages).toEqual([]);
    expect(closed).toBe(1);
  });
  it('nothing of the client passes', async () => {
    why = 'the permission ran out';
    application.socket.write(queryPacket('insert'));
    expect(await application.error()).toMatchObject({ code: '57P01' });
    await new Promise((resolve) => backend.once('close', resolve));
    expect(received).toBe('');
  });
});

describe('the other side', () => {
  it('still gets what the client sent before it left', async () => {
    application.socket.write(queryPacket('commit'));
    application.socket.destroySoon();
    await new Promise((resolve) => backend.once('end', resolve));
    expect(received).toContain('commit');
    expect(closed).toBe(1);
  });
  it('is not told of an error when the client said goodbye', async () => {
    application.socket.write(Buffer.from([0x58, 0, 0, 0, 4]));
    await eventually('the server has it', () => received.length === 5);
    backend.destroy();
    await application.closed;
    expect(application.messages).toEqual([]);
  });
  it('is cut when it does not close after its partner left', async () => {
    backend.pause();
    application.socket.destroy();
    backend.resume();
    await new Promise((resolve) => backend.once('end', resolve));
    await new Promise((resolve) => backend.once('close', resolve));
    expect(closed).toBe(1);
  });
});
