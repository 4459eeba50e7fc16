/** Every bound and every clock of the transport in one place, so that a test can shrink them and a reader can check them. */

export type InterconnectLimits = {
  /** Largest single frame (one request, answer, message or stream item). */
  readonly frameBytes: number;
  /** Largest record before the other side has proved who it is. */
  readonly handshakeBytes: number;
  readonly handshakeMs: number;
  readonly connectMs: number;
  readonly backoffStartMs: number;
  readonly backoffMaxMs: number;
  /** Accepted connections that have not proved themselves yet. */
  readonly unauthenticated: number;
  readonly inboundConnections: number;
  /** Per connection, waiting to be sent. */
  readonly queueBytes: number;
  readonly queueMessages: number;
  /** Streams may fill only this much of the queue, so that they never displace protocol messages. */
  readonly streamQueueBytes: number;
  readonly streamsPerConnection: number;
  readonly requestsPerConnection: number;
  readonly pingMs: number;
  /** A connection on which nothing was heard for this long is closed and dialled anew. */
  readonly silenceMs: number;
};

const MiB = 1024 * 1024;

export const defaultLimits: InterconnectLimits = {
  frameBytes: 16 * MiB,
  handshakeBytes: 4096,
  handshakeMs: 2000,
  connectMs: 1000,
  backoffStartMs: 20,
  backoffMaxMs: 500,
  unauthenticated: 256,
  inboundConnections: 4096,
  queueBytes: 16 * MiB,
  queueMessages: 20_000,
  streamQueueBytes: 8 * MiB,
  streamsPerConnection: 1024,
  requestsPerConnection: 4096,
  pingMs: 2000,
  silenceMs: 5000,
};
