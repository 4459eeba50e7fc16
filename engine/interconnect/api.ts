/**
 * What the rest of the engine sees of the interconnect: authenticated requests, one-way messages and streams between named peers.
 * Payloads are JSON values; the binary framing, the handshake and the queues are this module's business.
 */
import type { ClusterError } from '../kernel/errors';
import type { Incarnation, NodeId } from '../kernel/ids';

/** `node:<id>`, or a client: `console:<uuid>`, `router:<host>`, `launcher`. Only nodes take part in protocols. */
export type PeerName = string;

export type PeerIdentity = {
  readonly name: PeerName;
  readonly kind: 'node' | 'console' | 'router' | 'launcher';
  readonly nodeId: NodeId | null;
  readonly incarnation: Incarnation | null;
  /** Of its program; absent: a release before they were told. */
  readonly release?: string;
  readonly level?: number;
};

export type PeerAddress = { readonly host: string; readonly port: number };

export type PeerLinkStatus = {
  readonly peer: NodeId;
  readonly connected: boolean;
  /** Round trip of the last pings in microseconds: last, median and 99th percentile of the last 128; null before the first answer. */
  readonly rttUs: { readonly last: number; readonly p50: number; readonly p99: number } | null;
  readonly lastHeardMs: number | null;
  /** Phi-accrual suspicion; for display and ranking only, it never decides. */
  readonly phi: number | null;
  readonly sentMessages: number;
  readonly receivedMessages: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly queuedBytes: number;
  readonly droppedMessages: number;
  readonly reconnects: number;
  /** Pings that were never answered; absent: not counted. */
  readonly lostPings?: number;
};

export type RequestHandler = (payload: unknown, from: PeerIdentity) => Promise<unknown> | unknown;
export type MessageHandler = (payload: unknown, from: PeerIdentity) => void;

export type RequestOptions = { readonly timeoutMs: number; readonly signal?: AbortSignal };

/**
 * A stream of items from a peer; ends with an error when the connection is lost. At the bound of its buffer the slow side is cut, never blocked.
 * `end` ends it from this side, with the reason: a stream that this node can no longer feed must not stay open in silence.
 */
export type StreamHandler = (
  payload: unknown,
  from: PeerIdentity,
  push: (item: unknown) => boolean,
  signal: AbortSignal,
  end: (error: ClusterError | null) => void,
) => void;

export interface Interconnect {
  readonly self: PeerIdentity;
  /** Resolves once listening; the port is then known. */
  start(): Promise<PeerAddress | null>;
  stop(): Promise<void>;
  /** Sets or changes where a node is; connects in the background and reconnects with bounded backoff. Null: forget the peer. */
  setPeer(id: NodeId, address: PeerAddress | null): void;
  peers(): readonly NodeId[];

  /** @throws ClusterError UNAVAILABLE (not connected, queue full), TIMEOUT, or the error the handler threw. */
  request<T = unknown>(to: NodeId, method: string, payload: unknown, options: RequestOptions): Promise<T>;
  /** Fire and forget: dropped (and counted) when there is no connection or its queue is full. Order per peer is kept. */
  send(to: NodeId, method: string, payload: unknown): void;
  /** Opens a stream served by the peer's handler of the same method. Calling `close` on the result ends it at both ends. */
  openStream(
    to: NodeId,
    method: string,
    payload: unknown,
    onItem: (item: unknown) => void,
    onEnd: (error: Error | null) => void,
  ): { close(): void };

  onRequest(method: string, handler: RequestHandler): void;
  onMessage(method: string, handler: MessageHandler): void;
  onStream(method: string, handler: StreamHandler): void;
  /** Who is connected to this node and is no node, as they are now; absent: not known. */
  clients?(): readonly PeerIdentity[];
  /** The cluster's level: peers below it are refused, and those that are connected are let go. */
  setMinimumLevel?(level: number): void;
  onPeerState(callback: (peer: PeerIdentity, connected: boolean) => void): () => void;

  /** Of all peers, or only of those named. */
  linkStatus(of?: ReadonlySet<NodeId> | null): readonly PeerLinkStatus[];
}

/** A fault on the way to or from one peer; used by tests and by the rehearsal page. Null peer: all peers. */
export type Fault = {
  readonly peer: NodeId | null;
  readonly direction: 'in' | 'out' | 'both';
  readonly channel: 'interconnect' | 'wal' | 'both';
  /** `partition`: nothing passes and new connections hang; `drop`: each message is lost with `probability`; `delay`: each is late by `delayMs` ± `jitterMs`. */
  readonly kind: 'partition' | 'drop' | 'delay';
  readonly probability?: number;
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** ISO time at which the fault ends by itself; required from the API, so that a rehearsal can't be forgotten. */
  readonly until?: string;
};

export interface FaultInjector {
  setFaults(faults: readonly Fault[]): void;
  faults(): readonly Fault[];
}
