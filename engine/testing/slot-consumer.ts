/**
 * Somebody who reads from a replication slot over the streaming protocol, as pg_receivewal, pg_recvlogical and change-data-capture tools do: it confirms
 * what it has got, or stands still as a frozen one does.
 */
import pg from 'pg';

type Connection = {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  stream: { pause(): void; destroy(): void };
};

type ConsumerOptions = {
  readonly slot: string;
  readonly kind: 'physical' | 'logical';
  readonly frozen?: boolean;
  readonly from?: string;
};

const microsecondsTo2000 = 946_684_800_000_000n;

export class SlotConsumer {
  readonly changes: string[] = [];
  ended: string | null = null;
  #started = false;

  private constructor(private readonly client: pg.Client) {}

  static async start(login: pg.ClientConfig, options: ConsumerOptions): Promise<SlotConsumer> {
    const client = new pg.Client({ ...login, ...{ replication: options.kind === 'logical' ? 'database' : 'true' } });
    const consumer = new SlotConsumer(client);
    client.on('error', (error) => {
      consumer.ended ??= error.message;
    });
    client.on('end', () => {
      consumer.ended ??= 'closed';
    });
    await client.connect();
    const { slot, kind, from = '0/0' } = options;
    const text = `START_REPLICATION SLOT "${slot}" ${kind === 'logical' ? 'LOGICAL' : 'PHYSICAL'} ${from}`;
    client.query({
      submit: (connection: Connection) => connection.query(text),
      handleCopyData: ({ chunk }: { chunk: Buffer }, connection: Connection) =>
        consumer.#take(chunk, connection, options),
      handleError: (error: Error) => {
        consumer.ended ??= error.message;
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => undefined,
      handleRowDescription: () => undefined,
      handleDataRow: () => undefined,
      handleEmptyQuery: () => undefined,
    } as never);
    return consumer;
  }

  /** The first message came: it streams. */
  get started(): boolean {
    return this.#started;
  }

  #take(chunk: Buffer, connection: Connection, { frozen, kind }: ConsumerOptions): void {
    this.#started = true;
    const logical = kind === 'logical';
    if (frozen) {
      connection.stream.pause();
      return;
    }
    const isKeepalive = chunk[0] === 0x6b;
    if (!isKeepalive) this.changes.push(chunk.subarray(25).toString());
    // Logical: the server's end of WAL; physical: what stands in the message.
    const start = chunk.readBigUInt64BE(1);
    const end = isKeepalive ? start : logical ? chunk.readBigUInt64BE(9) : start + BigInt(chunk.length - 25);
    connection.sendCopyFromChunk(confirmation(end));
  }

  close(): void {
    (this.client as unknown as { connection: Connection }).connection.stream.destroy();
  }
}

export function confirmation(end: bigint): Buffer {
  const message = Buffer.alloc(34);
  message[0] = 0x72;
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(end, at);
  message.writeBigUInt64BE(BigInt(Date.now()) * 1000n - microsecondsTo2000, 25);
  return message;
}
