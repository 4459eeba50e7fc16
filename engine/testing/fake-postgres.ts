/**
 * Somebody else on a PostgreSQL server's port or socket: asks each client for something that PostgreSQL would not ask for, and keeps what it is told.
 */
import { createServer, type Server, type Socket } from 'node:net';

export type Asks = 'cleartext' | 'md5' | 'nothing' | 'wrong-scram';

const authentication = (code: number, rest = Buffer.alloc(0)) => message('R', Buffer.concat([int32(code), rest]));
const readyForQuery = message('Z', Buffer.from('I'));

export class FakePostgres {
  /** Types of the messages that came after the start-up packet: `p` is a password, `Q` and `P` are statements. */
  readonly told: string[] = [];
  /** All bytes that came, as text. */
  heard = '';
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly asks: Asks,
  ) {
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async listen(where: { readonly port: number } | { readonly path: string }, asks: Asks): Promise<FakePostgres> {
    const server = createServer();
    const fake = new FakePostgres(server, asks);
    await new Promise<void>((resolve) => server.listen({ ...where, host: '127.0.0.1' }, resolve));
    return fake;
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connections(): number {
    return this.#connections;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#connections++;
    this.#sockets.add(socket);
    let begun = false;
    let rest = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      this.heard += chunk.toString('latin1');
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const start = begun ? 1 : 0;
        if (rest.length < start + 4) return;
        const length = start + rest.readInt32BE(start);
        if (rest.length < length) return;
        const packet = rest.subarray(0, length);
        rest = rest.subarray(length);
        if (begun) this.#answer(socket, String.fromCharCode(packet[0]!), packet.subarray(5));
        else socket.write(this.#greeting());
        begun = true;
      }
    });
  }

  #greeting(): Buffer {
    switch (this.asks) {
      case 'cleartext':
        return authentication(3);
      case 'md5':
        return authentication(5, Buffer.from('salt'));
      case 'nothing':
        return Buffer.concat([authentication(0), readyForQuery]);
      case 'wrong-scram':
        return authentication(10, Buffer.from('SCRAM-SHA-256\0\0'));
    }
  }

  #answer(socket: Socket, type: string, body: Buffer): void {
    this.told.push(type);
    // It knows what it wanted to know.
    if (this.asks !== 'wrong-scram') return void socket.end();
    if (type !== 'p') return;
    const nonce = /r=([^,]+)$/.exec(body.toString())?.[1];
    if (body.toString().startsWith('SCRAM-SHA-256') && nonce !== undefined)
      socket.write(
        authentication(11, Buffer.from(`r=${nonce}theirs,s=${Buffer.from('salt').toString('base64')},i=4096`)),
      );
    else {
      const proof = Buffer.alloc(32).toString('base64');
      socket.write(Buffer.concat([authentication(12, Buffer.from(`v=${proof}`)), authentication(0), readyForQuery]));
    }
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}
