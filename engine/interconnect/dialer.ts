/**
 * Keeps one outgoing connection to one node: dial, prove, serve, redial. Invariants: at most one attempt or one link at a time; attempts are
 * spaced by a backoff that is bounded (so a node that returns is found fast); after stop() nothing is left.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { PeerAddress } from './api';
import { Caller } from './caller';
import { type Authenticated, dialHandshake, type HandshakeShell } from './connection';
import type { Frame } from './frames';
import { HandshakeRefusal } from './handshake';
import { PhiAccrual, RttWindow } from './latency';
import { Link, newCounters } from './link';
import type { TlsMaterial } from './tls';

/** A link that lived this long was a good one: the next attempt starts without backoff. */
const goodLinkMs = 1000;
const complainEveryMs = 30_000;

export type DialerOptions = {
  readonly shell: HandshakeShell;
  /** Asked at each attempt: certificates are read at start. */
  readonly tls: () => TlsMaterial | null;
  readonly logger: Logger;
  readonly random: () => number;
  readonly onState: (dialer: Dialer, connected: boolean) => void;
};

export class Dialer {
  readonly counters = newCounters();
  readonly rtt = new RttWindow();
  readonly phi: PhiAccrual;
  link: Link | null = null;
  caller: Caller | null = null;
  reconnects = 0;
  #address: PeerAddress;
  #stopped = false;
  #attempt: AbortController | null = null;
  #backoffMs = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #connectedAt = 0;
  #pingId = 0;
  #everConnected = false;
  #lastComplaint = { text: '', at: Number.NEGATIVE_INFINITY };

  constructor(
    readonly node: NodeId,
    address: PeerAddress,
    private readonly options: DialerOptions,
  ) {
    this.#address = address;
    this.phi = new PhiAccrual(options.shell.limits.pingMs);
  }

  start(): void {
    this.#schedule(0);
  }

  /** The node was heard of elsewhere (it dialled us): no reason to wait any longer. */
  kick(): void {
    if (this.#retry === null) return;
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#schedule(0);
  }

  setAddress(address: PeerAddress): void {
    if (address.host === this.#address.host && address.port === this.#address.port) return;
    this.#address = address;
    this.#backoffMs = 0;
    this.#attempt?.abort();
    this.link?.close('the address changed');
    this.kick();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#attempt?.abort();
    this.link?.close('stopped');
  }

  ping(now: number): void {
    if (this.link === null) return;
    this.#pingId = (this.#pingId + 1) >>> 0;
    const id = this.#pingId;
    this.rtt.pinged(id, now);
    this.link.send({ type: 'ping', id, method: '', body: '' }, 'queued');
  }

  heard(now: number): void {
    this.counters.lastHeardAt = now;
    this.phi.heard(now);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#retry !== null || this.#attempt !== null || this.link !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#connect();
    }, delayMs);
  }

  #scheduleRetry(): void {
    const { backoffStartMs, backoffMaxMs } = this.options.shell.limits;
    this.#backoffMs = Math.min(backoffMaxMs, Math.max(backoffStartMs, this.#backoffMs * 2));
    // Jitter below the bound: five nodes that lost the same peer should not dial in step.
    this.#schedule(this.#backoffMs * (0.75 + this.options.random() * 0.25));
  }

  async #connect(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    try {
      await this.options.shell.faults.passable(this.node, attempt.signal);
      const socket = await this.#open(attempt.signal);
      const abort = () => socket.destroy();
      attempt.signal.addEventListener('abort', abort);
      const authenticated = await dialHandshake(this.options.shell, socket, this.node);
      attempt.signal.removeEventListener('abort', abort);
      if (attempt.signal.aborted || this.#stopped) {
        authenticated.socket.destroy();
        throw new Error('stopped');
      }
      this.#attempt = null;
      this.#up(authenticated);
    } catch (error) {
      this.#attempt = null;
      this.#complain(error);
      this.#scheduleRetry();
    }
  }

  #open(signal: AbortSignal): Promise<Socket> {
    const { shell } = this.options;
    const tls = this.options.tls();
    const { host, port } = this.#address;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Error('stopped'));
      const socket: Socket =
        tls === null
          ? connectTcp({ host, port, noDelay: true })
          : connectTls({ host, port, ...tls, minVersion: 'TLSv1.3', checkServerIdentity: () => undefined });
      const timer = setTimeout(
        () => fail(new Error(`no connection within ${shell.limits.connectMs} ms`)),
        shell.limits.connectMs,
      );
      const fail = (error: Error) => {
        done();
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      };
      const onAbort = () => fail(new Error('stopped'));
      const onConnect = () => {
        done();
        socket.setNoDelay(true);
        resolve(socket);
      };
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.off('error', fail);
      };
      signal.addEventListener('abort', onAbort);
      socket.once('error', fail);
      socket.once(tls === null ? 'connect' : 'secureConnect', onConnect);
    });
  }

  #up(authenticated: Authenticated): void {
    const { shell, logger, random } = this.options;
    if (this.#everConnected) this.reconnects++;
    this.#everConnected = true;
    this.#connectedAt = performance.now();
    this.#lastComplaint = { text: '', at: Number.NEGATIVE_INFINITY };
    this.rtt.forgetOutstanding();
    const link = new Link({
      ...authenticated,
      limits: shell.limits,
      counters: this.counters,
      faults: shell.faults,
      random,
      onFrame: (frame) => this.#accept(frame),
      onHeard: () => this.heard(link.heardAt),
      onClose: (why) => this.#down(why),
    });
    this.link = link;
    this.caller = new Caller(link, logger);
    this.heard(this.#connectedAt);
    link.start();
    if (this.link !== link) return;
    this.ping(this.#connectedAt);
    this.options.onState(this, true);
  }

  #accept(frame: Frame): void {
    if (frame.type === 'pong') this.rtt.ponged(frame.id, performance.now());
    else this.caller!.accept(frame);
  }

  #down(why: string): void {
    const { caller, link } = this;
    this.link = null;
    this.caller = null;
    if (performance.now() - this.#connectedAt >= goodLinkMs) this.#backoffMs = 0;
    if (!this.#stopped) this.options.logger.info({ peer: this.node, why }, `connection to ${this.node} lost: ${why}`);
    caller?.lost(why);
    this.#scheduleRetry();
    if (link !== null) this.options.onState(this, false);
  }

  /** A peer that is simply not there is no news after the first time; a refusal is a mistake that someone must see. */
  #complain(error: unknown): void {
    if (this.#stopped) return;
    const text = error instanceof Error ? error.message : String(error);
    const now = performance.now();
    if (text === this.#lastComplaint.text && now - this.#lastComplaint.at < complainEveryMs) return;
    this.#lastComplaint = { text, at: now };
    const { host, port } = this.#address;
    const message = `cannot reach ${this.node} at ${host}:${port}: ${text}`;
    if (error instanceof HandshakeRefusal)
      this.options.logger.error({ peer: this.node, reason: error.reason }, message);
    else this.options.logger.info({ peer: this.node }, message);
  }
}
