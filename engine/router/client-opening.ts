/**
 * The first words of a client connection: encryption requests, then the start-up or cancel packet. Invariants: at most one SSL and one GSS
 * request; nothing sent before TLS is ever read as if it came through it; it ends by the deadline whatever the client does.
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { encodeErrorResponse, type ServerError } from './core/error-response';
import { badOpening } from './core/refusal';
import { readOpening, type StartupParameters } from './core/startup-packet';

export type Opened =
  | {
      readonly kind: 'startup';
      /** The socket to go on with: the TLS one when the client asked for it. */
      readonly socket: Socket;
      readonly parameters: StartupParameters;
      /** The packet as it came; it goes to the server unchanged. */
      readonly packet: Buffer;
      /** What the client sent behind it already. */
      readonly early: Buffer;
    }
  | {
      readonly kind: 'cancel';
      readonly socket: Socket;
      readonly processId: number;
      readonly secret: Uint8Array;
      readonly packet: Buffer;
    };

/** Sends these last bytes and closes; a client that doesn't read them is cut after `lingerMs`. */
export function closeWith(socket: Socket, last: Uint8Array, lingerMs: number): void {
  if (socket.destroyed) return;
  socket.on('error', () => socket.destroy());
  socket.end(last);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

export function refuseClient(socket: Socket, error: ServerError, lingerMs: number): void {
  closeWith(socket, encodeErrorResponse(error), lingerMs);
}

class OpeningReader {
  #socket: Socket;
  #data: Buffer = Buffer.alloc(0);
  #askedSsl = false;
  #askedGss = false;
  #encrypted = false;
  #done = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    socket: Socket,
    private readonly options: {
      readonly secureContext: SecureContext | null;
      readonly openingMs: number;
      readonly lingerMs: number;
      readonly onOpened: (opened: Opened | null) => void;
    },
  ) {
    this.#socket = socket;
    // Silent: PostgreSQL, too, closes without a word when authentication_timeout passes before the packet is complete.
    this.#timer = setTimeout(() => this.#finish(null), options.openingMs);
    this.#listen();
  }

  #listen(): void {
    this.#socket.on('data', this.#onData);
    this.#socket.on('error', this.#onClose);
    this.#socket.on('close', this.#onClose);
  }

  #unlisten(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onClose);
    this.#socket.off('close', this.#onClose);
  }

  readonly #onClose = () => this.#finish(null);

  readonly #onData = (chunk: Buffer) => {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
    this.#read();
  };

  #read(): void {
    while (!this.#done) {
      const opening = readOpening(this.#data);
      switch (opening.kind) {
        case 'incomplete':
          return;
        case 'ssl-request':
          if (this.#askedSsl || this.#encrypted) {
            this.#refuse('08P01', 'a second SSLRequest is not allowed');
            return;
          }
          this.#askedSsl = true;
          if (this.options.secureContext === null) {
            this.#answer(opening.bytes, 'N');
            break;
          }
          if (this.#data.length > opening.bytes) {
            this.#refuse('08P01', 'received unencrypted data after SSL request');
            return;
          }
          this.#answer(opening.bytes, 'S');
          this.#encrypt();
          return;
        case 'gss-request':
          if (this.#askedGss || this.#encrypted) {
            this.#refuse('08P01', 'a second GSSENCRequest is not allowed');
            return;
          }
          this.#askedGss = true;
          this.#answer(opening.bytes, 'N');
          break;
        case 'direct-tls':
          if (this.options.secureContext === null || this.#encrypted || this.#askedSsl) {
            this.#finish(null);
            return;
          }
          this.#encrypt();
          return;
        case 'invalid':
          this.#refuse(opening.code, opening.message);
          return;
        case 'cancel':
        case 'startup': {
          const packet = this.#data.subarray(0, opening.bytes);
          const early = this.#data.subarray(opening.bytes);
          const socket = this.#socket;
          this.#finish(
            opening.kind === 'cancel'
              ? { kind: 'cancel', socket, processId: opening.processId, secret: opening.secret, packet }
              : { kind: 'startup', socket, parameters: opening.parameters, packet, early },
          );
          return;
        }
      }
    }
  }

  #answer(used: number, letter: 'S' | 'N'): void {
    this.#socket.write(letter);
    this.#data = this.#data.subarray(used);
  }

  #encrypt(): void {
    const plain = this.#socket;
    this.#unlisten();
    plain.pause();
    // From here on the TLS socket reports; an error of the plain one without a listener would end the process.
    plain.on('error', () => {});
    if (this.#data.length > 0) plain.unshift(this.#data);
    this.#data = Buffer.alloc(0);
    this.#encrypted = true;
    this.#socket = new TLSSocket(plain, {
      isServer: true,
      secureContext: this.options.secureContext!,
      ALPNProtocols: ['postgresql'],
    });
    this.#listen();
  }

  #refuse(code: string, message: string): void {
    const socket = this.#socket;
    this.#finish(null, false);
    refuseClient(socket, badOpening(code, message), this.options.lingerMs);
  }

  #finish(opened: Opened | null, destroy = true): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#unlisten();
    if (opened !== null) this.#socket.pause();
    else if (destroy) {
      // A late error of a socket that nobody listens to any more would end the process.
      this.#socket.on('error', () => {});
      this.#socket.destroy();
    }
    this.options.onOpened(opened);
  }
}

/** Calls back exactly once; null: refused, closed or too slow, and the socket is already taken care of. */
export function openClient(
  socket: Socket,
  options: {
    readonly secureContext: SecureContext | null;
    readonly openingMs: number;
    readonly lingerMs: number;
    readonly onOpened: (opened: Opened | null) => void;
  },
): void {
  new OpeningReader(socket, options);
}
