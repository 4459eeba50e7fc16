/**
 * The listening side. Invariants: connections that have not proved who they are are bounded in number and time; a node has at most one
 * accepted link (a newer one replaces it); nothing an unknown peer sends reaches a handler.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Logger } from '../kernel/log';
import type { PeerAddress, PeerIdentity } from './api';
import { type Authenticated, acceptHandshake, type HandshakeShell } from './connection';
import type { Handlers } from './handlers';
import { HandshakeRefusal } from './handshake';
import { Link, type LinkCounters } from './link';
import { Responder } from './responder';
import type { TlsMaterial } from './tls';

const complainEveryMs = 5000;
const maxComplaints = 1000;

export type AcceptorOptions = {
  readonly shell: HandshakeShell;
  readonly tls: TlsMaterial | null;
  readonly handlers: Handlers;
  readonly logger: Logger;
  readonly random: () => number;
  readonly countersFor: (remote: PeerIdentity) => LinkCounters;
  readonly onHeard: (remote: PeerIdentity, now: number) => void;
  readonly onState: (remote: PeerIdentity, connected: boolean) => void;
};

export class Acceptor {
  readonly links = new Set<Link>();
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #unproved = new Set<Socket>();
  readonly #complaints = new Map<string, number>();

  constructor(private readonly options: AcceptorOptions) {}

  listen(address: PeerAddress): Promise<PeerAddress> {
    const { tls, logger } = this.options;
    const server: Server =
      tls === null
        ? createTcpServer({ noDelay: true }, (socket) => void this.#accept(socket))
        : createTlsServer(
            {
              ...tls,
              requestCert: true,
              // Checked in #acceptTls, which can say why; Node would only hang up.
              rejectUnauthorized: false,
              minVersion: 'TLSv1.3',
              handshakeTimeout: this.options.shell.limits.handshakeMs,
            },
            (socket) => this.#acceptTls(socket),
          );
    this.#server = server;
    // Before its TLS handshake is through a connection is in no other list.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const { unauthenticated } = this.options.shell.limits;
      if (tls !== null && this.#sockets.size - this.links.size > unauthenticated) socket.destroy();
    });
    server.maxConnections = this.options.shell.limits.inboundConnections + this.options.shell.limits.unauthenticated;
    server.on('tlsClientError', (error, socket: TLSSocket) => {
      this.#complain(socket.remoteAddress ?? 'an unknown address', error);
      socket.destroy();
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port }, () => {
        server.off('error', reject);
        server.on('error', (error) => logger.error({ err: error }, 'the interconnect listener failed'));
        const bound = server.address();
        resolve({ host: address.host, port: typeof bound === 'object' && bound !== null ? bound.port : address.port });
      });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const link of [...this.links]) link.close('stopped');
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #acceptTls(socket: TLSSocket): void {
    socket.setNoDelay(true);
    if (socket.authorized) {
      void this.#accept(socket);
      return;
    }
    socket.on('error', () => undefined);
    this.#complain(
      socket.remoteAddress ?? '?',
      new Error(`its certificate is not trusted (${socket.authorizationError})`),
    );
    socket.destroy();
  }

  async #accept(socket: Socket): Promise<void> {
    const { shell } = this.options;
    const from = socket.remoteAddress ?? '?';
    if (this.#server === null) return void socket.destroy();
    if (this.#unproved.size >= shell.limits.unauthenticated || this.links.size >= shell.limits.inboundConnections) {
      socket.on('error', () => undefined);
      socket.destroy();
      this.#complain(
        from,
        new Error(`too many connections (${this.#unproved.size} unproved, ${this.links.size} proved)`),
      );
      return;
    }
    this.#unproved.add(socket);
    try {
      const authenticated = await acceptHandshake(shell, socket);
      this.#unproved.delete(socket);
      if (this.#server === null) return void socket.destroy();
      this.#up(authenticated);
    } catch (error) {
      this.#unproved.delete(socket);
      this.#complain(from, error);
    }
  }

  #up(authenticated: Authenticated): void {
    const { shell, handlers, logger, random } = this.options;
    const { remote } = authenticated;
    const isNode = remote.nodeId !== null;
    if (isNode) {
      for (const other of [...this.links]) {
        if (other.remote.nodeId === remote.nodeId) other.close('replaced by a newer connection');
      }
    }
    const link: Link = new Link({
      ...authenticated,
      limits: shell.limits,
      counters: this.options.countersFor(remote),
      faults: shell.faults,
      random,
      onFrame: (frame) => responder.accept(frame),
      onHeard: () => this.options.onHeard(remote, link.heardAt),
      onClose: () => {
        this.links.delete(link);
        responder.lost();
        this.options.onState(remote, false);
      },
    });
    const responder = new Responder(link, handlers, shell.limits, logger);
    this.links.add(link);
    this.options.onState(remote, true);
    link.start();
  }

  #complain(from: string, error: unknown): void {
    if (this.#server === null) return;
    const text = error instanceof Error ? error.message : String(error);
    const key = `${from} ${text}`;
    const now = performance.now();
    if (now - (this.#complaints.get(key) ?? Number.NEGATIVE_INFINITY) < complainEveryMs) return;
    if (this.#complaints.size >= maxComplaints) this.#complaints.clear();
    this.#complaints.set(key, now);
    const reason = error instanceof HandshakeRefusal ? error.reason : undefined;
    this.options.logger.warn({ from, reason }, `interconnect connection from ${from} refused: ${text}`);
  }
}
