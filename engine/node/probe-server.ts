/**
 * The port on which a node answers load balancers. It shares the thread with the lease, so everything here is small and counted: so many connections,
 * one request each, so many answers in a tenth of a second, no bodies, short heads, seconds to live. Answers are made of what the agent knows anyway,
 * at the moment they are written.
 *
 * Invariant: nothing that happens on this port (taken by somebody else, flooded, a mistake in an answer) stops the agent or its lease.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Loop, Timer } from '../kernel/loop';
import { allowedMethods, answerProbe, type ProbeAnswer } from './core/probe';
import type { ProbeFacts } from './core/probe-facts';

const probeLimits = {
  /** One more, and the oldest is closed: silent ones keep nobody out. */
  connections: 64,
  /** From its first byte to its last, whatever it does. */
  lifeMs: 5_000,
  headMs: 2_000,
  headBytes: 8_192,
  /** Requests beyond wait for the next turn. */
  answersPerTurn: 64,
  turnMs: 100,
} as const;

type ProbeLimits = { readonly [L in keyof typeof probeLimits]: number };

const listenAgainMs = 1_000;

type Socket = IncomingMessage['socket'];

export type ProbeServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly loop: Loop;
  readonly logger: Logger;
  readonly facts: () => ProbeFacts;
  /** Looks at what only others know, in bounded time; never fails. */
  readonly beforeCluster: () => Promise<void>;
  readonly limits?: Partial<ProbeLimits>;
};

export class ProbeServer {
  readonly #server: Server;
  readonly #limits: ProbeLimits;
  /** The oldest first. */
  readonly #sockets = new Map<Socket, Timer>();
  /** At most one of each connection, and none of a closed one. */
  readonly #waiting = new Map<Socket, () => void>();
  #answered = 0;
  #turn: Timer | null = null;
  #again: Timer | null = null;
  #told = false;
  #stopped = false;

  constructor(private readonly options: ProbeServerOptions) {
    this.#limits = { ...probeLimits, ...options.limits };
    this.#server = createServer(
      {
        maxHeaderSize: this.#limits.headBytes,
        headersTimeout: this.#limits.headMs,
        requestTimeout: this.#limits.headMs,
        connectionsCheckingInterval: this.#limits.headMs / 2,
        // Checks of old load balancers name no host.
        requireHostHeader: false,
      },
      (request, response) => this.#arrived(request, response),
    );
    this.#server.maxRequestsPerSocket = 1;
    this.#server.on('connection', (socket: Socket) => this.#connected(socket));
    this.#server.on('error', (error) => this.#listenLater(error));
  }

  /** Whoever holds the port keeps it: then it is tried again, and the node serves without probes. */
  start(): void {
    const { host, port } = this.options;
    if (!this.#stopped) this.#server.listen({ host, port, exclusive: true });
  }

  stop(): void {
    this.#stopped = true;
    this.#again?.cancel();
    this.#turn?.cancel();
    this.#waiting.clear();
    this.#server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #listenLater(error: Error): void {
    if (this.#stopped) return;
    if (!this.#told)
      this.options.logger.warn(
        { port: this.options.port, error: messageOf(error) },
        'health probes are not answered: their port can’t be opened; tried again every second',
      );
    this.#told = true;
    this.#again = this.options.loop.after(listenAgainMs, () => this.start(), 'background');
  }

  #connected(socket: Socket): void {
    if (this.#sockets.size >= this.#limits.connections) this.#sockets.keys().next().value?.destroy();
    const end = this.options.loop.after(this.#limits.lifeMs, () => socket.destroy(), 'background');
    this.#sockets.set(socket, end);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      end.cancel();
      this.#sockets.delete(socket);
      this.#waiting.delete(socket);
    });
  }

  #arrived(request: IncomingMessage, response: ServerResponse): void {
    const asksForCluster = request.method === 'GET' && /^\/cluster\/?(\?|$)/.test(request.url ?? '');
    if (asksForCluster) void this.options.beforeCluster().then(() => this.#admit(request, response));
    else this.#admit(request, response);
  }

  #admit(request: IncomingMessage, response: ServerResponse): void {
    if (request.socket.destroyed) return;
    if (this.#answered >= this.#limits.answersPerTurn) {
      this.#waiting.set(request.socket, () => this.#answer(request, response));
      return;
    }
    this.#answer(request, response);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#answered++;
    this.#turn ??= this.options.loop.after(this.#limits.turnMs, () => this.#nextTurn(), 'background');
    if (!request.socket.destroyed) write(response, request, this.#made(request));
  }

  #nextTurn(): void {
    this.#turn = null;
    this.#answered = 0;
    for (const [socket, job] of [...this.#waiting].slice(0, this.#limits.answersPerTurn)) {
      this.#waiting.delete(socket);
      job();
    }
  }

  #made(request: IncomingMessage): ProbeAnswer {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    const asked = {
      method: request.method ?? '',
      target: request.url ?? '',
      hasBody: encoding !== undefined || Number(length) !== 0,
    };
    try {
      return answerProbe(asked, this.options.facts);
    } catch (error) {
      this.options.logger.error({ error: messageOf(error) }, 'a health probe could not be answered');
      return { status: 503, body: null };
    }
  }
}

function write(response: ServerResponse, request: IncomingMessage, { status, body }: ProbeAnswer): void {
  const text = body === null || request.method === 'OPTIONS' ? '' : `${JSON.stringify(body)}\n`;
  response.shouldKeepAlive = false;
  response.writeHead(status, {
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(text === '' ? {} : { 'Content-Type': 'application/json' }),
    ...(status === 405 ? { Allow: allowedMethods } : {}),
  });
  response.end(text);
}
