/**
 * A TCP relay on the standby's own host that leads to the present primary: for base backups, for a walreceiver while an injected fault acts on it, and
 * for servers that an earlier release started. Invariants: a connection
 * only ever reaches the upstream that was set when it came, and is cut when that changes; bytes held are bounded by the sockets' own
 * buffers plus one delay window; under a partition bytes stay where they are and connections hang, as on a dead wire. Whoever else connects keeps the
 * standby from nothing: processes of other users are refused, and one that the primary has not let in holds one of few places, for seconds.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Fault } from './api';
import { userOfPeer } from './peer-user';
import { WalRelay } from './wal-relay';

export type WalUpstream = { readonly node: NodeId; readonly host: string; readonly port: number };

export type WalProxyOptions = {
  readonly nodeId: NodeId;
  readonly listenHost: string;
  /** 0: any free port. */
  readonly listenPort: number;
  readonly logger: Logger;
  /** Read at `applyFaults`, and while one acts every 100 ms (it may end) and per chunk. */
  readonly faults: () => readonly Fault[];
  readonly random?: () => number;
  /** Users whose processes may connect over loopback; null: any. */
  readonly users?: readonly number[] | null;
  /** How long a connection may take until the primary lets it in. */
  readonly authenticationMs?: number;
};

export type WalProxyStats = {
  readonly upstream: WalUpstream | null;
  readonly connections: number;
  /** Those that the primary has let in. */
  readonly proven: number;
  /** Of the last full second. */
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
  readonly inBytes: number;
  readonly outBytes: number;
};

const maxConnections = 64;
/** Of those that the primary has not let in yet, the oldest goes for a new one. */
const maxUnproven = 32;
/** Several round trips, each of which a rehearsal may delay. */
const authenticationMs = 15_000;
/** While faults act, so that their end is noticed; otherwise only the rates are rolled. */
const faultPollMs = 100;
const quietPollMs = 1000;
const connectMs = 5000;

export class WalProxy {
  readonly #options: WalProxyOptions;
  readonly #relays = new Set<WalRelay>();
  #server: Server | null = null;
  #upstream: WalUpstream | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #inBytes = 0;
  #outBytes = 0;
  #window = { at: 0, inBytes: 0, outBytes: 0, inRate: 0, outRate: 0 };

  constructor(options: WalProxyOptions) {
    this.#options = options;
  }

  /** Resolves with the port once listening. */
  start(): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: this.#options.listenHost, port: this.#options.listenPort }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#options.logger.error({ err: error }, 'the WAL proxy listener failed'));
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : this.#options.listenPort);
      });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.cut();
    this.#stopTimer();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Existing connections to another upstream are cut; with null new ones are closed at once. */
  setUpstream(target: WalUpstream | null): void {
    const before = this.#upstream;
    if (before?.node === target?.node && before?.host === target?.host && before?.port === target?.port) return;
    this.#upstream = target;
    this.cut();
  }

  upstream(): WalUpstream | null {
    return this.#upstream;
  }

  /** Ends every connection now; new ones are accepted as before. */
  cut(): void {
    for (const relay of [...this.#relays]) relay.close();
  }

  /** Call after faults have changed; their end by time is noticed within 100 ms without it. */
  applyFaults(): void {
    for (const relay of this.#relays) relay.applyFaults();
    if (this.#timer !== null) this.#schedule();
  }

  stats(): WalProxyStats {
    this.#roll(performance.now());
    return {
      upstream: this.#upstream,
      connections: this.#relays.size,
      proven: [...this.#relays].filter((relay) => relay.proven).length,
      inBytesPerSecond: this.#window.inRate,
      outBytesPerSecond: this.#window.outRate,
      inBytes: this.#inBytes,
      outBytes: this.#outBytes,
    };
  }

  #accept(downstream: Socket): void {
    downstream.on('error', () => undefined);
    const { users } = this.#options;
    if (users == null) this.#admit(downstream);
    else void this.#admitOwn(downstream, users);
  }

  async #admitOwn(downstream: Socket, users: readonly number[]): Promise<void> {
    const user = await userOfPeer(downstream);
    if (user === null || users.includes(user)) {
      this.#admit(downstream);
      return;
    }
    this.#options.logger.warn({ user }, 'a process of another user connected to the WAL relay and was refused');
    downstream.resetAndDestroy();
  }

  #admit(downstream: Socket): void {
    const target = this.#upstream;
    if (this.#server === null || target === null || downstream.destroyed) {
      downstream.resetAndDestroy();
      return;
    }
    // One that waits may have lost its client unnoticed (nothing is read from it); one that works has not.
    const unproven = [...this.#relays].filter((candidate) => !candidate.proven);
    if (this.#relays.size >= maxConnections || unproven.length >= maxUnproven) {
      const [oldest] = unproven;
      if (oldest === undefined) {
        downstream.resetAndDestroy();
        return;
      }
      oldest.close('replaced by a newer connection');
    }
    const relay = new WalRelay({
      downstream,
      upstreamNode: target.node,
      connect: () => {
        const socket = connect({ host: target.host, port: target.port, noDelay: true, allowHalfOpen: true });
        socket.setTimeout(connectMs, () => socket.destroy(new Error(`no connection within ${connectMs} ms`)));
        socket.once('connect', () => socket.setTimeout(0));
        return socket;
      },
      faults: this.#options.faults,
      random: this.#options.random ?? Math.random,
      authenticationMs: this.#options.authenticationMs ?? authenticationMs,
      onBytes: (direction, bytes) => {
        if (direction === 'in') this.#inBytes += bytes;
        else this.#outBytes += bytes;
      },
      onClose: (why) => {
        this.#relays.delete(relay);
        if (this.#relays.size === 0) this.#stopTimer();
        this.#options.logger.debug({ upstream: target.node, why }, 'WAL connection ended');
      },
    });
    this.#relays.add(relay);
    this.#schedule();
    relay.start();
  }

  #schedule(): void {
    this.#stopTimer();
    const pollMs = this.#options.faults().length > 0 ? faultPollMs : quietPollMs;
    this.#timer = setTimeout(() => this.#poll(), pollMs);
  }

  #poll(): void {
    this.#roll(performance.now());
    this.applyFaults();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #roll(now: number): void {
    const seconds = (now - this.#window.at) / 1000;
    if (seconds < 1) return;
    this.#window = {
      at: now,
      inBytes: this.#inBytes,
      outBytes: this.#outBytes,
      inRate: Math.round((this.#inBytes - this.#window.inBytes) / seconds),
      outRate: Math.round((this.#outBytes - this.#window.outBytes) / seconds),
    };
  }
}
