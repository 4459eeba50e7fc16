/**
 * Runs the handshake over a socket, as dialler or acceptor, and hands over a socket with keys. Invariant: whatever the other side sends or
 * doesn't send, this ends within the handshake time-out, holds at most one small record, and leaves either a verified peer or a destroyed socket.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { NodeId } from '../kernel/ids';
import type { PeerIdentity } from './api';
import type { FaultState } from './fault-state';
import { plainRecord, RecordParser } from './frames';
import {
  answerChallenge,
  checkProof,
  type HandshakeContext,
  HandshakeRefusal,
  makeChallenge,
  makeHello,
  nonceBytes,
  readHello,
  type SessionKeys,
} from './handshake';
import type { InterconnectLimits } from './limits';

export type Authenticated = {
  readonly socket: Socket;
  readonly parser: RecordParser;
  readonly keys: SessionKeys;
  readonly remote: PeerIdentity;
};

export type HandshakeShell = {
  readonly context: HandshakeContext;
  readonly limits: InterconnectLimits;
  readonly faults: FaultState;
};

const refusalPrefix = 'refused: ';
const welcome = Buffer.from('welcome');

/** @throws HandshakeRefusal, or Error when the connection breaks or time runs out; the socket is then destroyed. */
export function dialHandshake(shell: HandshakeShell, socket: Socket, expected: NodeId | null): Promise<Authenticated> {
  return bounded(shell, socket, async (reader) => {
    const hello = makeHello(shell.context, randomBytes(nonceBytes), expected);
    socket.write(plainRecord(hello));
    const challenge = await reader.read();
    throwIfRefused(challenge);
    const answer = answerChallenge(shell.context, hello, challenge, expected);
    socket.write(plainRecord(answer.proof));
    const last = await reader.read();
    throwIfRefused(last);
    if (!last.equals(welcome)) throw new HandshakeRefusal('malformed', 'no welcome after the proof');
    return { socket, parser: reader.parser, keys: answer.keys, remote: answer.remote };
  });
}

/** @throws as dialHandshake; the other side is told why where that gives nothing away. */
export function acceptHandshake(shell: HandshakeShell, socket: Socket): Promise<Authenticated> {
  return bounded(shell, socket, async (reader) => {
    const hello = await reader.read();
    throwIfRefused(hello);
    const { identity } = readHello(shell.context, hello);
    // Under a partition the hello counts as not having arrived: the dialler hangs, as it would on a dead wire.
    await shell.faults.passable(identity.nodeId, reader.signal);
    const challenge = makeChallenge(shell.context, randomBytes(nonceBytes), hello);
    socket.write(plainRecord(challenge));
    const answer = await reader.read();
    throwIfRefused(answer);
    const keys = checkProof(shell.context, hello, challenge, answer, identity.name);
    socket.write(plainRecord(welcome));
    return { socket, parser: reader.parser, keys, remote: identity };
  });
}

function throwIfRefused(record: Buffer): void {
  if (record.length > refusalPrefix.length && record.toString('latin1', 0, refusalPrefix.length) === refusalPrefix) {
    // Said by a peer that has not proved anything: shown, shortened, never believed.
    const said = record.toString('utf8', refusalPrefix.length, 300).replace(/[^\x20-\x7e]/g, '?');
    throw new HandshakeRefusal('identity', `the other side refused: ${said}`);
  }
}

async function bounded(
  shell: HandshakeShell,
  socket: Socket,
  run: (reader: RecordReader) => Promise<Authenticated>,
): Promise<Authenticated> {
  const reader = new RecordReader(socket, shell.limits.handshakeBytes);
  const timer = setTimeout(
    () => reader.fail(new Error(`no handshake within ${shell.limits.handshakeMs} ms`)),
    shell.limits.handshakeMs,
  );
  try {
    const result = await run(reader);
    reader.detach();
    return result;
  } catch (error) {
    reader.detach();
    const told = error instanceof HandshakeRefusal && !error.message.startsWith('the other side');
    if (told && !socket.destroyed && socket.writable) {
      socket.end(plainRecord(Buffer.from(refusalPrefix + error.message)));
      // The last words may never be read: don't wait for the other side's FIN.
      const linger = setTimeout(() => socket.destroy(), 200);
      socket.once('close', () => clearTimeout(linger));
    } else {
      socket.destroy();
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads whole records one after the other; a single failure ends all reading. */
class RecordReader {
  readonly parser: RecordParser;
  readonly #abort = new AbortController();
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  readonly #onData = (chunk: Buffer) => {
    // One record at a time is expected; more than two records' worth in advance is not this protocol.
    if (this.parser.heldBytes > 2 * this.limitBytes)
      return this.fail(new HandshakeRefusal('malformed', 'too much data before the handshake'));
    this.parser.push(chunk);
    this.#notify();
  };
  readonly #onError = (error: Error) => this.fail(error);
  readonly #onClose = () => this.fail(new Error('connection closed during the handshake'));

  constructor(
    private readonly socket: Socket,
    private readonly limitBytes: number,
  ) {
    this.parser = new RecordParser(limitBytes);
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async read(): Promise<Buffer> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const record = this.#next();
      if (record !== null) return Buffer.from(record);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#abort.abort();
    this.#notify();
  }

  detach(): void {
    this.socket.pause();
    this.socket.off('data', this.#onData);
    this.socket.off('close', this.#onClose);
    // An error between here and the link's own listener must not crash the process.
    this.socket.on('error', () => undefined);
    this.socket.off('error', this.#onError);
  }

  #next(): Buffer | null {
    try {
      return this.parser.next();
    } catch (error) {
      throw new HandshakeRefusal('malformed', error instanceof Error ? error.message : String(error));
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
