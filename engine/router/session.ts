/**
 * One client connected through to one server. Invariants: no byte of the server passes once the session's permission is gone, even if this
 * process was frozen meanwhile (checked per chunk, not by a timer); each side's slowness stops reading from the other; when one side is
 * gone the other is gone within `lingerMs`.
 */
import type { Socket } from 'node:net';
import type { Pin, Target } from './core/admission';
import { encodeErrorResponse, type ServerError } from './core/error-response';
import { MessageScanner } from './core/message-scanner';
import { sessionEnded } from './core/refusal';
import type { StartupParameters } from './core/startup-packet';

export type SessionOptions = {
  readonly client: Socket;
  readonly server: Socket;
  readonly clientAddress: string;
  readonly parameters: StartupParameters;
  readonly pin: Pin;
  readonly target: Target;
  readonly lingerMs: number;
  /** Why nothing may pass any more; null: it may. */
  readonly whyEnd: () => string | null;
  readonly onKey: (session: Session, processId: number, secret: Uint8Array) => void;
  /** The server let the client in. Until then `onHeard` is called for whatever either says. */
  readonly onProven: (session: Session) => void;
  readonly onHeard: (session: Session) => void;
  readonly onClose: (session: Session) => void;
};

/** The Terminate message (`X`, length 4): a client that sent it expects no answer. */
function endsWithTerminate(chunk: Buffer): boolean {
  const at = chunk.length - 5;
  return at >= 0 && chunk[at] === 0x58 && chunk[at + 4] === 4 && chunk.readUInt32BE(at + 1) === 4;
}

export class Session {
  readonly since = new Date().toISOString();
  bytesIn = 0;
  bytesOut = 0;
  readonly #scanner = new MessageScanner();
  #keyTold = false;
  #proven = false;
  #clientWaits = false;
  #clientLeft = false;
  #closed = false;

  constructor(readonly options: SessionOptions) {}

  /** Joins both sides; `first` goes to the client, `early` to the server. */
  start(first: Buffer, early: readonly Buffer[]): void {
    const { client, server } = this.options;
    client.on('data', this.#fromClient);
    client.on('drain', () => server.resume());
    client.on('end', () => this.#clientGone());
    client.on('close', () => this.#clientGone());
    client.on('error', () => this.#clientGone());
    server.on('data', this.#fromServer);
    server.on('drain', () => client.resume());
    server.on('end', () => this.#serverGone());
    server.on('close', () => this.#serverGone());
    server.on('error', () => this.#serverGone());
    this.#fromServer(first);
    for (const chunk of early) this.#fromClient(chunk);
    if (this.#closed) return;
    client.resume();
    server.resume();
  }

  get proven(): boolean {
    return this.#proven;
  }

  /** Ends the session with 57P01 where the protocol allows a message, else by closing. */
  end(reason: string): void {
    this.refuse(sessionEnded(reason, this.#clientWaits && this.#scanner.transactionState !== null));
  }

  /** The same with another message. */
  refuse(error: ServerError): void {
    if (this.#closed) return;
    const { client, server } = this.options;
    const mayTell = this.#scanner.atBoundary && !client.destroyed;
    this.#close();
    server.destroy();
    if (mayTell) client.end(encodeErrorResponse(error));
    else client.end();
    // Reads and drops what the client still sends, so that its end is seen.
    client.resume();
    this.#destroyLater(client);
  }

  readonly #fromClient = (chunk: Buffer) => {
    if (this.#closed) return;
    const why = this.options.whyEnd();
    this.#clientWaits = true;
    if (why !== null) {
      this.end(why);
      return;
    }
    this.bytesIn += chunk.length;
    if (!this.#proven) this.options.onHeard(this);
    this.#clientLeft = endsWithTerminate(chunk);
    if (!this.options.server.write(chunk)) this.options.client.pause();
  };

  readonly #fromServer = (chunk: Buffer) => {
    if (this.#closed) return;
    const why = this.options.whyEnd();
    if (why !== null) {
      this.end(why);
      return;
    }
    this.bytesOut += chunk.length;
    if (!this.#proven) this.options.onHeard(this);
    this.#scanner.scan(chunk);
    if (this.#scanner.isReady) this.#clientWaits = false;
    if (!this.#proven) this.#lookForProof();
    if (!this.options.client.write(chunk)) this.options.server.pause();
  };

  /** A server tells the cancel key before it is ready for the first query, and never again. */
  #lookForProof(): void {
    const { keyData: key, transactionState } = this.#scanner;
    if (key !== null && !this.#keyTold) {
      this.#keyTold = true;
      this.options.onKey(this, key.processId, key.secret);
    }
    if (transactionState === null) return;
    this.#proven = true;
    this.options.onProven(this);
  }

  #clientGone(): void {
    if (this.#closed) return;
    const { client, server } = this.options;
    this.#close();
    client.destroy();
    // Not destroyed at once: a COMMIT or Terminate that was already sent still arrives.
    server.end();
    server.resume();
    this.#destroyLater(server);
  }

  #serverGone(): void {
    if (this.#closed) return;
    const { client, server, pin } = this.options;
    if (!this.#clientLeft && !(this.#scanner.atBoundary && this.#scanner.endedWithError)) {
      this.end(`${pin.node} closed the connection without a message`);
      return;
    }
    this.#close();
    server.destroy();
    client.end();
    client.resume();
    this.#destroyLater(client);
  }

  #close(): void {
    this.#closed = true;
    this.options.onClose(this);
  }

  #destroyLater(socket: Socket): void {
    const timer = setTimeout(() => socket.destroy(), this.options.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }
}
