/**
 * One service's port: takes connections, holds them while no server may serve them, connects them through, and ends sessions whose server
 * lost its permission. Invariant: admission is checked before the attempt and again right before the first byte goes to the client.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { NodeRecord } from '../cluster/model';
import { delay } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { type AttemptResult, attemptBackend } from './backend-attempt';
import { closeWith, type Opened, openClient, refuseClient } from './client-opening';
import { readClocks } from './clock';
import type { ServiceConfig } from './config';
import { type Admission, admitToPrimary, type Pin, type Target, whyEnd } from './core/admission';
import type { CancelKeys } from './core/cancel-keys';
import type { ServerError } from './core/error-response';
import { type Held, HoldQueue } from './core/hold-queue';
import * as pool from './core/pool';
import { badOpening, heldTooLong, notAuthenticated, tooManyHeld, tooManySessions } from './core/refusal';
import type { StartupParameters } from './core/startup-packet';
import { Unproven } from './core/unproven';
import type { RouterLimits } from './limits';
import type { RouteWatch } from './route-watch';
import { Session } from './session';

type Waiting = {
  readonly socket: Socket;
  readonly clientAddress: string;
  /** Without the port: what limits count by. */
  readonly host: string;
  readonly parameters: StartupParameters;
  readonly packet: Buffer;
  readonly early: Buffer[];
  earlyBytes: number;
  /** Servers that failed it since it last had a choice. */
  readonly tried: Set<NodeId>;
  lastFailure: string | null;
  attempt: { readonly pin: Pin; abort(reason: string): void } | null;
  /** Takes the listeners off the socket that only a waiting client needs. */
  forget: () => void;
};

export type ListenerOptions = {
  readonly config: ServiceConfig;
  readonly region: string | null;
  readonly limits: RouterLimits;
  readonly watch: RouteWatch;
  readonly secureContext: SecureContext | null;
  readonly cancelKeys: CancelKeys<Session>;
  readonly onCancel: (opened: Extract<Opened, { kind: 'cancel' }>) => void;
  readonly logger: Logger;
};

/** Not ready to accept, starting up, shutting down: another attempt may succeed soon. */
const cannotConnectNow = '57P03';
const tooManyConnections = '53300';
/** So long after a stranger lost its place there are taken to be more of them. */
const pressedMs = 5_000;

export class ServiceListener {
  readonly sessions = new Set<Session>();
  readonly #queue: HoldQueue<Waiting>;
  readonly #server: Server;
  readonly #forgetKey = new Map<Session, () => void>();
  readonly #opening = new Set<Socket>();
  readonly #unproven: Unproven<Socket>;
  readonly #unprovenSessions = new Map<Socket, Session>();
  /** Sessions and attempts per node. */
  readonly #load = new Map<NodeId, number>();
  #pool = pool.emptyPool;
  #timer: NodeJS.Timeout | null = null;
  #displacedAt = Number.NEGATIVE_INFINITY;
  #newestFirst = false;
  #totalSessions = 0;
  #refused = 0;
  #stopping = false;

  constructor(private readonly options: ListenerOptions) {
    const { limits } = options;
    this.#queue = new HoldQueue(limits.maxHeld);
    this.#unproven = new Unproven({
      max: limits.maxUnproven,
      maxPerAddress: limits.maxUnprovenPerAddress,
      patienceMs: limits.authenticationPatienceMs,
      floodPatienceMs: limits.floodPatienceMs,
    });
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: options.limits.keepAliveMs });
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  get config(): ServiceConfig {
    return this.options.config;
  }

  get isBusy(): boolean {
    return this.sessions.size > 0 || this.#queue.size > 0;
  }

  /** Where it listens in fact. */
  get port(): number {
    if (this.config.port !== 0) return this.config.port;
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.config.port;
  }

  /** @throws ClusterError UNAVAILABLE with what to do when the address can't be had. */
  async start(): Promise<void> {
    const { service, host, port } = this.config;
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error) =>
        reject(
          new ClusterError(
            'UNAVAILABLE',
            `service ${service} can't listen on ${host}:${port}: ${error.message}; free the port or configure another`,
          ),
        );
      this.#server.once('error', onError);
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off('error', onError);
        this.#server.on('error', (error) => this.options.logger.error({ service, reason: error.message }, 'listener'));
        resolve();
      });
    });
  }

  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#opening) socket.destroy();
    for (const client of this.#queue.clients()) {
      const held = this.#release(client);
      if (held) this.#refuse(client.socket, heldTooLong(this.config.service, reason, performance.now() - held.since));
    }
    for (const session of [...this.sessions]) session.end(reason);
    // Clients that don't read their last message keep a connection open; the process's end cuts them.
    await Promise.race([closed, delay(this.options.limits.stopMs)]);
  }

  /** The group's routes changed or a deadline passed. */
  routesChanged(): void {
    const routes = this.options.watch.routes(this.config.group);
    const now = readClocks();
    for (const session of [...this.sessions]) {
      const why = whyEnd(routes, session.options.pin, now);
      if (why !== null) session.end(why);
    }
    for (const client of this.#queue.clients()) {
      const why = client.attempt === null ? null : whyEnd(routes, client.attempt.pin, now);
      if (why !== null) client.attempt?.abort(why);
    }
    this.#pool = pool.keepEndpoints(this.#pool, [...routes.nodes.keys()]);
    this.#pump();
  }

  // ------------------------------------------------------------------ opening
  #accept(socket: Socket): void {
    const { limits, secureContext } = this.options;
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    // Whoever has been silent longest makes room: those who say nothing at all would else shut everybody out.
    const [oldest] = this.#opening;
    if (this.#opening.size >= limits.maxOpening) oldest?.destroy();
    const host = socket.remoteAddress ?? 'unknown';
    const clientAddress = `${host}:${socket.remotePort ?? 0}`;
    this.#opening.add(socket);
    openClient(socket, {
      secureContext,
      openingMs: limits.openingMs,
      lingerMs: limits.lingerMs,
      onOpened: (opened) => {
        this.#opening.delete(socket);
        if (opened === null) return;
        if (opened.kind === 'cancel') this.options.onCancel(opened);
        else this.#hold(opened, clientAddress, host);
      },
    });
  }

  #refuse(socket: Socket, error: ServerError): void {
    this.#refused++;
    refuseClient(socket, error, this.options.limits.lingerMs);
  }

  // ------------------------------------------------------------------ holding
  #hold(opened: Extract<Opened, { kind: 'startup' }>, clientAddress: string, host: string): void {
    const { socket, parameters, packet } = opened;
    const { limits, watch } = this.options;
    if (this.sessions.size >= limits.maxSessions) {
      this.#refuse(socket, tooManySessions(this.config.service, limits.maxSessions));
      return;
    }
    const onData = (chunk: Buffer) => this.#early(client, chunk);
    const onGone = () => this.#clientGone(client);
    const client: Waiting = {
      socket,
      clientAddress,
      host,
      parameters,
      packet,
      early: opened.early.length > 0 ? [opened.early] : [],
      earlyBytes: opened.early.length,
      tried: new Set(),
      lastFailure: null,
      attempt: null,
      forget: () => socket.off('data', onData).off('end', onGone).off('close', onGone).off('error', onGone),
    };
    this.#makeRoomFor(host);
    if (!this.#queue.add(client, performance.now(), watch.policy().routerHoldMs)) {
      this.#refuse(socket, tooManyHeld(this.config.service, limits.maxHeld));
      return;
    }
    // Read on while it waits, or its going away would stay unseen.
    socket.on('data', onData).on('end', onGone).on('close', onGone).on('error', onGone);
    socket.resume();
    // The first of an idle group: what is known of it may be older than usual.
    if (this.sessions.size === 0 && this.#queue.size === 1) watch.askNow(this.config.group);
    this.#pump();
  }

  /** One address can't fill the queue against another: above half of it, its newest gives way to somebody else's. */
  #makeRoomFor(host: string): void {
    if (this.#queue.size < this.#queue.limit) return;
    const waiting = new Map<string, number>();
    for (const client of this.#queue.clients()) waiting.set(client.host, (waiting.get(client.host) ?? 0) + 1);
    const [most, count] = [...waiting].reduce((a, b) => (b[1] > a[1] ? b : a));
    if (most === host || count <= this.#queue.limit / 2) return;
    const client = this.#queue.newest((one) => one.host === most);
    if (client === null) return;
    this.#release(client);
    this.#refuse(client.socket, tooManyHeld(this.config.service, this.#queue.limit));
  }

  #early(client: Waiting, chunk: Buffer): void {
    client.early.push(chunk);
    client.earlyBytes += chunk.length;
    if (client.earlyBytes <= this.options.limits.maxEarlyBytes) return;
    client.attempt?.abort('the client sent too much before authentication');
    if (this.#release(client)) {
      this.#refuse(client.socket, badOpening('08P01', 'too much data before authentication'));
    }
  }

  #clientGone(client: Waiting): void {
    const attempt = client.attempt;
    this.#release(client);
    attempt?.abort('the client left');
    client.socket.on('error', () => {});
    client.socket.destroy();
  }

  /** Out of the queue, back to a bare socket. Null: it was out already. */
  #release(client: Waiting): Held<Waiting> | null {
    const held = this.#queue.remove(client);
    if (held !== null) client.forget();
    return held;
  }

  /** Tries whoever may be tried, refuses whose time is over, and keeps a timer only while somebody waits. */
  #pump(): void {
    if (this.#stopping) return;
    const { limits, watch } = this.options;
    const now = performance.now();
    let holding = false;
    for (;;) {
      const held = this.#take(now);
      if (held === null) break;
      const { client } = held;
      const admission = this.#choose(client, now);
      if (admission.kind === 'admit') {
        this.#attempt(client, admission.target);
        continue;
      }
      holding = true;
      this.#queue.putBack(client, now + limits.retryMs);
      const othersMayHaveMore = client.tried.size > 0;
      client.tried.clear();
      if (!othersMayHaveMore) break;
    }
    this.#displace(now);
    for (const held of this.#queue.expire(now)) {
      const { client } = held;
      client.forget();
      this.#refuse(client.socket, heldTooLong(this.config.service, this.#whyHeld(client), now - held.since));
    }
    if (holding) watch.askNow(this.config.group);
    this.#keepTimer();
  }

  /**
   * First come, first tried. While strangers lose their places, every other turn is the newest one's: whoever means it would wait behind all of them,
   * and they come back as often as they are sent away.
   */
  #take(now: number): Held<Waiting> | null {
    const pressed = now - this.#displacedAt < pressedMs;
    this.#newestFirst = pressed && !this.#newestFirst;
    return this.#queue.take(now, this.options.limits.maxUnproven, {
      may: (client) => this.#unproven.mayAdd(client.host),
      newestFirst: this.#newestFirst,
    });
  }

  /** Who keeps its server waiting gives its place to those who wait. */
  #displace(now: number): void {
    const waits = (client: Waiting) => client.attempt === null && !this.#unproven.mayAdd(client.host);
    const waiting = this.#queue.clients().filter(waits).length;
    const stalest = waiting === 0 ? null : this.#unproven.stalest(now, waiting);
    const session = stalest === null ? undefined : this.#unprovenSessions.get(stalest);
    if (session === undefined) return;
    this.#displacedAt = now;
    this.#refused++;
    session.refuse(notAuthenticated(this.config.service, 'others wait, and the client did not answer'));
  }

  #whyHeld(client: Waiting): string {
    if (!this.#unproven.mayAdd(client.host))
      return `${this.#unproven.size} other connections have not authenticated yet`;
    const primary = admitToPrimary(this.options.watch.routes(this.config.group), readClocks());
    if (primary.kind === 'admit') return client.lastFailure ?? 'its servers have not been reached yet';
    return this.config.kind === 'ro' ? `no standby qualifies, and ${primary.reason}` : primary.reason;
  }

  #keepTimer(): void {
    if (this.#queue.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    } else if (this.#queue.size > 0 && this.#timer === null) {
      this.#timer = setInterval(() => this.#pump(), this.options.limits.retryMs);
    }
  }

  // ------------------------------------------------------------------ choosing
  #choose(client: Waiting, now: number): Admission {
    const routes = this.options.watch.routes(this.config.group);
    if (this.config.kind === 'ro') {
      const result = pool.choose(this.#pool, this.#endpoints(now), {
        policy: this.#poolPolicy(),
        now,
        exclude: client.tried,
      });
      this.#pool = result.state;
      const answer = result.node === null ? undefined : routes.nodes.get(result.node)?.answer;
      if (answer) return { kind: 'admit', target: answer };
    }
    const primary = admitToPrimary(routes, readClocks());
    if (this.config.kind === 'rw' || primary.kind === 'hold') return primary;
    if (client.tried.has(primary.target.node)) {
      return { kind: 'hold', reason: client.lastFailure ?? 'every server refused the connection' };
    }
    return primary;
  }

  #poolPolicy(): pool.PoolPolicy {
    const { loadBalancer, readMaxLagMs } = this.options.watch.policy();
    return { strategy: loadBalancer.strategy, maxLagMs: readMaxLagMs, region: this.options.region };
  }

  #endpoint(member: NodeRecord, now: number): pool.Endpoint {
    const { watch, limits } = this.options;
    const known = watch.routes(this.config.group).nodes.get(member.id);
    return {
      node: member.id,
      role: known?.answer.role ?? 'none',
      fresh: known !== undefined && now - known.sent.monotonic <= limits.staleMs,
      draining: known?.answer.draining === true || member.maintenance,
      lagMs: known?.answer.lagMs ?? null,
      region: member.region,
      sessions: this.#load.get(member.id) ?? 0,
      connections: known?.answer.connections ?? 0,
      weight: watch.policy().loadBalancer.weights[member.id] ?? 1,
    };
  }

  #endpoints(now: number): readonly pool.Endpoint[] {
    return this.options.watch.members(this.config.group).map((member) => this.#endpoint(member, now));
  }

  #count(node: NodeId, change: 1 | -1): void {
    const load = (this.#load.get(node) ?? 0) + change;
    if (load > 0) this.#load.set(node, load);
    else this.#load.delete(node);
  }

  // ------------------------------------------------------------------ connecting
  #attempt(client: Waiting, target: Target): void {
    const { limits } = this.options;
    const pin: Pin = { kind: this.config.kind, node: target.node, epoch: target.epoch };
    this.#count(target.node, 1);
    this.#unproven.add(client.socket, client.host, performance.now());
    const { abort } = attemptBackend(target, client.packet, {
      timeoutMs: limits.connectMs,
      keepAliveMs: limits.keepAliveMs,
      onResult: (result) => {
        client.attempt = null;
        const handedOver = this.#attempted(client, { pin, target, result });
        if (!handedOver) {
          this.#count(target.node, -1);
          this.#unproven.remove(client.socket);
        }
        this.#pump();
      },
    });
    client.attempt = { pin, abort };
  }

  /** True when the session now runs. */
  #attempted(
    client: Waiting,
    attempt: { readonly pin: Pin; readonly target: Target; readonly result: AttemptResult },
  ): boolean {
    const { pin, target, result } = attempt;
    const now = performance.now();
    if (result.kind === 'open') {
      this.#pool = pool.connected(this.#pool, pin.node, result.connectMs, now);
      if (this.#queue.has(client) && this.#stillAdmits(pin)) {
        this.#handOver(client, { pin, target, opened: result });
        return true;
      }
      result.socket.on('error', () => {});
      result.socket.destroy();
      this.#queue.putBack(client, now);
      return false;
    }
    if (!this.#queue.has(client)) return false;
    const reason = result.kind === 'failed' ? result.reason : `${result.text} (${result.code})`;
    const passOn = result.kind === 'refused' && !this.#mayRetry(client, pin, result.code);
    if (passOn) {
      this.#release(client);
      this.#refused++;
      closeWith(client.socket, result.message, this.options.limits.lingerMs);
      return false;
    }
    this.#pool = pool.failed(this.#pool, pin.node, reason, now);
    client.lastFailure = `${pin.node}: ${reason}`;
    client.tried.add(pin.node);
    // A read session goes to the next server at once; the only primary is given a moment.
    this.#queue.putBack(client, this.config.kind === 'ro' ? now : now + this.options.limits.retryMs);
    this.options.watch.askNow(this.config.group);
    return false;
  }

  #mayRetry(client: Waiting, pin: Pin, code: string): boolean {
    if (code === cannotConnectNow) return true;
    if (code !== tooManyConnections || this.config.kind !== 'ro') return false;
    const others = this.#endpoints(performance.now()).filter(
      (endpoint) => endpoint.node !== pin.node && !client.tried.has(endpoint.node),
    );
    return others.some(
      (endpoint) => pool.judge(this.#pool, endpoint, this.#poolPolicy(), performance.now()).kind === 'qualifies',
    );
  }

  /** The second check: between it and the first byte to the client nothing else runs. */
  #stillAdmits(pin: Pin): boolean {
    const routes = this.options.watch.routes(this.config.group);
    const now = readClocks();
    if (whyEnd(routes, pin, now) !== null) return false;
    if (pin.kind === 'ro') return routes.nodes.get(pin.node)?.answer.draining !== true;
    const admission = admitToPrimary(routes, now);
    return admission.kind === 'admit' && admission.target.node === pin.node && admission.target.epoch === pin.epoch;
  }

  #handOver(
    client: Waiting,
    to: {
      readonly pin: Pin;
      readonly target: Target;
      readonly opened: Extract<AttemptResult, { kind: 'open' }>;
    },
  ): void {
    this.#release(client);
    const { watch, limits, cancelKeys } = this.options;
    const { socket } = client;
    const proven = () => {
      clearTimeout(tooLate);
      this.#unproven.remove(socket);
      this.#unprovenSessions.delete(socket);
      // Somebody may wait for its place.
      if (this.#queue.size > 0) setImmediate(() => this.#pump());
    };
    const session = new Session({
      client: client.socket,
      server: to.opened.socket,
      clientAddress: client.clientAddress,
      parameters: client.parameters,
      pin: to.pin,
      target: to.target,
      lingerMs: limits.lingerMs,
      whyEnd: () => whyEnd(watch.routes(this.config.group), to.pin, readClocks()),
      onKey: (owner, processId, secret) => {
        this.#forgetKey.set(owner, cancelKeys.add(processId, secret, owner));
      },
      onHeard: () => this.#unproven.heard(socket, performance.now()),
      onProven: proven,
      onClose: (closed) => {
        if (!closed.proven) proven();
        this.sessions.delete(closed);
        this.#count(to.pin.node, -1);
        this.#forgetKey.get(closed)?.();
        this.#forgetKey.delete(closed);
      },
    });
    const tooLate = setTimeout(() => {
      this.#refused++;
      const seconds = limits.authenticationMs / 1000;
      session.refuse(notAuthenticated(this.config.service, `the client did not authenticate within ${seconds} s`));
    }, limits.authenticationMs);
    this.#unprovenSessions.set(socket, session);
    this.#unproven.heard(socket, performance.now());
    this.sessions.add(session);
    this.#totalSessions++;
    session.start(to.opened.first, client.early);
  }

  // ------------------------------------------------------------------ status
  /** Counters and the state of each server, for the status and for tests. */
  status() {
    const now = performance.now();
    const { watch } = this.options;
    return {
      held: this.#queue.size,
      openSessions: this.sessions.size,
      totalSessions: this.#totalSessions,
      refused: this.#refused,
      strategy: this.config.kind === 'ro' ? watch.policy().loadBalancer.strategy : 'primary',
      next: this.#next(now),
      endpoints: this.#endpoints(now).map((endpoint) => ({ endpoint, ...this.#endpointState(endpoint, now) })),
    };
  }

  /** Where the next session would go, by the same choice that a session makes; asking changes no turn and no weight. */
  #next(now: number): { node: NodeId | null; reason: string } {
    const primary = admitToPrimary(this.options.watch.routes(this.config.group), readClocks());
    if (this.config.kind === 'ro') {
      const policy = this.#poolPolicy();
      const { node } = pool.choose(this.#pool, this.#endpoints(now), { policy, now });
      if (node !== null) return { node, reason: `chosen by ${policy.strategy} among the standbys that qualify` };
    }
    if (primary.kind === 'hold') return { node: null, reason: primary.reason };
    const { node, epoch } = primary.target;
    const reason = `it is the primary of epoch ${epoch}`;
    return { node, reason: this.config.kind === 'ro' ? `no standby qualifies, and ${reason}` : reason };
  }

  #endpointState(endpoint: pool.Endpoint, now: number) {
    const health = pool.healthOf(this.#pool, endpoint.node);
    const connectMs = health.connectMs;
    const idle = (reason: string | null) => ({ state: 'idle' as const, reason, connectMs });
    const verdict = pool.judge(this.#pool, endpoint, this.#poolPolicy(), now);
    if (this.config.kind === 'ro') {
      if (verdict.kind === 'qualifies') return { state: 'active' as const, reason: null, connectMs };
      if (verdict.kind === 'not-a-standby') return idle('the primary serves reads when no standby qualifies');
      if (verdict.kind === 'draining') return idle(verdict.reason);
      return { state: verdict.kind, reason: verdict.reason, connectMs };
    }
    const admission = admitToPrimary(this.options.watch.routes(this.config.group), readClocks());
    if (admission.kind === 'admit' && admission.target.node === endpoint.node) {
      return { state: 'active' as const, reason: null, connectMs };
    }
    if (verdict.kind === 'down') return { state: 'down' as const, reason: verdict.reason, connectMs };
    if (endpoint.role === 'primary') {
      return idle(admission.kind === 'hold' ? admission.reason : 'it is the primary of an older epoch');
    }
    return idle('it is a standby');
  }
}
