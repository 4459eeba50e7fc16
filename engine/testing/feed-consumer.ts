/**
 * A change-data-capture consumer that does what the good ones do: it keeps the end of the last transaction that it has taken whole, confirms exactly
 * that, and after any loss of its connection goes on from there. Invariant: what it has taken it has taken once; what it sees again is in `twice`.
 */
import pg from 'pg';
import { delay } from '../kernel/async';
import { confirmation } from './slot-consumer';

type Connection = {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  stream: { destroy(): void };
};

export type FeedOptions = {
  /** Where the slot is served now; asked at each connection. */
  login(): Promise<pg.ClientConfig>;
  readonly slot: string;
  /** Of an INSERT as test_decoding prints it: the row's key; null: not of interest. */
  keyOf(line: string): string | null;
  readonly retryMs?: number;
};

export class FeedConsumer {
  readonly taken = new Set<string>();
  readonly twice: string[] = [];
  lastError: string | null = null;
  #position = 0n;
  #transaction: string[] | null = null;
  #stopped = false;
  #current: Connection | null = null;
  readonly #done: Promise<void>;

  constructor(private readonly options: FeedOptions) {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#current?.stream.destroy();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#connection().catch((error: unknown) => {
        this.lastError = error instanceof Error ? error.message : String(error);
      });
      if (!this.#stopped) await delay(this.options.retryMs ?? 50);
    }
  }

  async #connection(): Promise<void> {
    const login = await this.options.login();
    const client = new pg.Client({ connectionTimeoutMillis: 5_000, ...login, ...{ replication: 'database' } });
    const ended = new Promise<void>((resolve) => {
      client.on('end', resolve);
      client.on('error', (error) => {
        this.lastError = error.message;
        resolve();
      });
    });
    await client.connect();
    this.#transaction = null;
    const connection = (client as unknown as { connection: Connection }).connection;
    this.#current = connection;
    if (this.#stopped) return connection.stream.destroy();
    const at = `${(this.#position >> 32n).toString(16)}/${(this.#position & 0xffffffffn).toString(16)}`.toUpperCase();
    client.query({
      submit: () => connection.query(`START_REPLICATION SLOT "${this.options.slot}" LOGICAL ${at}`),
      handleCopyData: ({ chunk }: { chunk: Buffer }) => this.#take(chunk, connection),
      handleError: (error: Error) => {
        this.lastError = error.message;
        connection.stream.destroy();
      },
      handleCommandComplete: () => connection.stream.destroy(),
      handleReadyForQuery: () => undefined,
      handleRowDescription: () => undefined,
      handleDataRow: () => undefined,
      handleEmptyQuery: () => undefined,
    } as never);
    await ended;
    connection.stream.destroy();
  }

  #take(chunk: Buffer, connection: Connection): void {
    if (chunk[0] === 0x6b) {
      if (this.#transaction === null) this.#keepalive(chunk, connection);
      return;
    }
    const lsn = chunk.readBigUInt64BE(1);
    const line = chunk.subarray(25).toString();
    if (line.startsWith('BEGIN')) this.#transaction = [];
    else if (line.startsWith('COMMIT')) {
      for (const key of this.#transaction ?? []) {
        if (this.taken.has(key)) this.twice.push(key);
        this.taken.add(key);
      }
      this.#transaction = null;
      this.#position = lsn;
      connection.sendCopyFromChunk(confirmation(lsn));
    } else {
      const key = this.options.keyOf(line);
      if (key !== null) this.#transaction?.push(key);
    }
  }

  /** Between transactions everything up to the server's position is taken. */
  #keepalive(chunk: Buffer, connection: Connection): void {
    const end = chunk.readBigUInt64BE(1);
    if (end > this.#position) this.#position = end;
    connection.sendCopyFromChunk(confirmation(this.#position));
  }
}
