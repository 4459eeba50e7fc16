/**
 * Follows the server's messages in a byte stream without copying it: where a message ends, the last message type, the cancel key, the
 * transaction state. Invariant: `atBoundary` is true only when a message of our own may be put into the stream without tearing one apart.
 */
import { maxCancelKeyBytes } from './startup-packet';

const backendKeyData = 0x4b; // 'K'
const readyForQuery = 0x5a; // 'Z'
const errorResponse = 0x45; // 'E'
/** Longest body that is ever kept: process id and cancel key. */
const maxKeptBytes = 4 + maxCancelKeyBytes;

export class MessageScanner {
  readonly #header = new Uint8Array(5);
  #headerBytes = 0;
  #bodyLeft = 0;
  #type = 0;
  #kept: number[] | null = null;
  #broken = false;
  #lastType = 0;
  #keyData: { readonly processId: number; readonly secret: Uint8Array } | null = null;
  #transactionState: 'idle' | 'in-transaction' | 'failed' | null = null;

  /** Between two messages, and the stream has been well formed so far. */
  get atBoundary(): boolean {
    return !this.#broken && this.#headerBytes === 0 && this.#bodyLeft === 0;
  }

  /** The last complete message was an error: with ReadyForQuery missing after it, the server said goodbye itself. */
  get endedWithError(): boolean {
    return this.#lastType === errorResponse;
  }

  /** The server waits for the client: everything it was asked has been answered. */
  get isReady(): boolean {
    return this.atBoundary && this.#lastType === readyForQuery;
  }

  get keyData(): { readonly processId: number; readonly secret: Uint8Array } | null {
    return this.#keyData;
  }

  /** Null until the server was ready for the first query. */
  get transactionState(): 'idle' | 'in-transaction' | 'failed' | null {
    return this.#transactionState;
  }

  scan(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, chunk.length - at);
        if (this.#kept !== null) for (let i = 0; i < taken; i++) this.#kept.push(chunk[at + i]!);
        this.#bodyLeft -= taken;
        at += taken;
        if (this.#bodyLeft === 0) this.#finish();
        continue;
      }
      // A header comes whole, nearly always: it is read where it lies.
      if (this.#headerBytes === 0 && chunk.length - at >= 5) {
        this.#begin(chunk, at);
        at += 5;
        continue;
      }
      this.#header[this.#headerBytes++] = chunk[at++]!;
      if (this.#headerBytes === 5) this.#begin(this.#header, 0);
    }
  }

  #begin(bytes: Uint8Array, at: number): void {
    const type = bytes[at]!;
    const length = bytes[at + 1]! * 0x1000000 + ((bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!);
    if (length < 4) {
      this.#broken = true;
      return;
    }
    this.#type = type;
    this.#headerBytes = 0;
    this.#bodyLeft = length - 4;
    const keep =
      (type === backendKeyData && this.#transactionState === null && this.#bodyLeft <= maxKeptBytes) ||
      (type === readyForQuery && this.#bodyLeft === 1);
    this.#kept = keep ? [] : null;
    if (this.#bodyLeft === 0) this.#finish();
  }

  #finish(): void {
    this.#lastType = this.#type;
    const kept = this.#kept;
    this.#kept = null;
    if (kept === null) return;
    if (this.#type === readyForQuery) {
      this.#transactionState = kept[0] === 0x49 ? 'idle' : kept[0] === 0x54 ? 'in-transaction' : 'failed';
    } else if (kept.length >= 8) {
      const bytes = Uint8Array.from(kept);
      this.#keyData = { processId: new DataView(bytes.buffer).getUint32(0), secret: bytes.slice(4) };
    }
  }
}
