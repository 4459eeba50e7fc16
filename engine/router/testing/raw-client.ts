/** A client that speaks PostgreSQL's protocol byte by byte, to do what no driver would. */
import { connect, type Socket } from 'node:net';
import { decodeErrorResponse } from '../core/error-response';

export type RawMessage = { readonly type: string; readonly body: Buffer };

export function startupPacket(user: string, code = 0x30000): Buffer {
  const body = Buffer.from(`user\0${user}\0database\0postgres\0application_name\0raw\0\0`);
  const packet = Buffer.alloc(8 + body.length);
  packet.writeUInt32BE(packet.length, 0);
  packet.writeUInt32BE(code, 4);
  body.copy(packet, 8);
  return packet;
}

export function cancelPacket(key: Buffer): Buffer {
  const packet = Buffer.alloc(8 + key.length);
  packet.writeUInt32BE(packet.length, 0);
  packet.writeUInt32BE(80877102, 4);
  key.copy(packet, 8);
  return packet;
}

export function queryPacket(sql: string): Buffer {
  const packet = Buffer.alloc(6 + Buffer.byteLength(sql));
  packet.write('Q');
  packet.writeUInt32BE(packet.length - 1, 1);
  packet.write(sql, 5);
  return packet;
}

export class RawClient {
  readonly messages: RawMessage[] = [];
  readonly closed: Promise<void>;
  isClosed = false;
  /** Bytes that belong to no whole message when the connection ended. */
  rest = Buffer.alloc(0);
  #waiters: (() => void)[] = [];

  constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        this.#wake();
        resolve();
      });
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#take(chunk));
  }

  static async connect(port: number, localAddress?: string): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, localAddress });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawClient(socket);
  }

  #take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 5) {
      const length = this.rest.readUInt32BE(1) + 1;
      if (this.rest.length < length) break;
      this.messages.push({ type: String.fromCharCode(this.rest[0]!), body: this.rest.subarray(5, length) });
      this.rest = this.rest.subarray(length);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** The next message of that type, already here or to come; null when the connection ends without one. */
  async next(type: string): Promise<RawMessage | null> {
    for (;;) {
      const found = this.messages.findIndex((message) => message.type === type);
      if (found >= 0) return this.messages.splice(0, found + 1).at(-1)!;
      if (this.isClosed) return null;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** SQLSTATE and text of the error that the connection ended with. */
  async error(): Promise<{ code: string; message: string }> {
    const message = await this.next('E');
    return message === null ? { code: 'none', message: 'closed without an error' } : decodeErrorResponse(message.body);
  }
}
