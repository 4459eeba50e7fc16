/**
 * The answering side of a link. Invariants: requests in progress and streams per link are bounded; a stream whose reader is too slow is
 * ended with an error, never buffered without bound and never blocked; when the link goes, every stream's signal fires.
 */
import { ClusterError } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import { decode, encode } from './caller';
import { type Frame, FrameError } from './frames';
import { type Handlers, stopOnBrokenInvariant, toClusterError } from './handlers';
import type { InterconnectLimits } from './limits';
import type { Link } from './link';

export class Responder {
  #running = 0;
  readonly #streams = new Map<number, AbortController>();

  constructor(
    private readonly link: Link,
    private readonly handlers: Handlers,
    private readonly limits: InterconnectLimits,
    private readonly logger: Logger,
  ) {}

  /** @throws FrameError */
  accept(frame: Frame): void {
    switch (frame.type) {
      case 'request':
        this.#request(frame);
        break;
      case 'message':
        this.#message(frame);
        break;
      case 'streamOpen':
        this.#open(frame);
        break;
      case 'streamClose':
        this.#streams.get(frame.id)?.abort();
        this.#streams.delete(frame.id);
        return;
      case 'ping':
        this.link.send({ type: 'pong', id: frame.id, method: '', body: '' }, 'control');
        return;
      default:
        throw new FrameError(`a dialler does not send ${frame.type}`);
    }
  }

  lost(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.abort();
  }

  #request(frame: Frame): void {
    const payload = decode(frame.body);
    if (this.#running >= this.limits.requestsPerConnection) {
      const what = `more than ${this.limits.requestsPerConnection} requests are in progress`;
      this.#fail(frame.id, new ClusterError('UNAVAILABLE', what));
      return;
    }
    try {
      const answer = this.handlers.requestHandler(frame.method, this.link.remote)(payload, this.link.remote);
      if (answer instanceof Promise) this.#await(frame, answer);
      else this.#answer(frame, answer);
    } catch (error) {
      this.#failed(frame, error);
    }
  }

  #await(frame: Frame, answer: Promise<unknown>): void {
    this.#running++;
    answer.then(
      (value) => {
        this.#running--;
        this.#answer(frame, value);
      },
      (error: unknown) => {
        this.#running--;
        this.#failed(frame, error);
      },
    );
  }

  #answer(frame: Frame, value: unknown): void {
    let body: string;
    try {
      body = encode(value);
    } catch (error) {
      this.#failed(frame, error);
      return;
    }
    const result = this.link.send({ type: 'response', id: frame.id, method: '', body }, 'queued');
    if (result === 'too_large') {
      // It was executed; only its answer can't be carried.
      this.#fail(frame.id, new ClusterError('PAYLOAD_TOO_LARGE', `${frame.method}: the answer exceeds one frame`));
    }
  }

  #failed(frame: Frame, error: unknown): void {
    stopOnBrokenInvariant(error);
    const clusterError = toClusterError(error);
    if (clusterError.code === 'INTERNAL') {
      this.logger.error({ err: error, method: frame.method }, 'a request handler failed');
    }
    this.#fail(frame.id, clusterError);
  }

  #fail(id: number, error: ClusterError): void {
    this.link.send({ type: 'failure', id, method: '', body: encode(error) }, 'queued');
  }

  #message(frame: Frame): void {
    const payload = decode(frame.body);
    try {
      this.handlers.messageHandler(frame.method, this.link.remote)(payload, this.link.remote);
    } catch (error) {
      stopOnBrokenInvariant(error);
      this.logger.warn({ err: error, method: frame.method, from: this.link.remote.name }, 'a message was not handled');
    }
  }

  #open(frame: Frame): void {
    const payload = decode(frame.body);
    if (this.#streams.has(frame.id)) throw new FrameError(`stream ${frame.id} is open already`);
    const stream = new AbortController();
    const end = (error: ClusterError | null) => {
      if (!this.#streams.delete(frame.id)) return;
      this.link.send(
        { type: 'streamEnd', id: frame.id, method: '', body: error === null ? '' : encode(error) },
        'control',
      );
      stream.abort();
    };
    let told = false;
    /** A stream that its handler refuses was never open: told with the first item, or when the handler has taken it. */
    const opened = () => {
      if (told || stream.signal.aborted) return;
      told = true;
      this.link.send({ type: 'streamOpened', id: frame.id, method: '', body: '' }, 'control');
    };
    const push = (item: unknown): boolean => {
      if (stream.signal.aborted) return false;
      opened();
      const result = this.link.send({ type: 'streamItem', id: frame.id, method: '', body: encode(item) }, 'stream');
      if (result === 'accepted') return true;
      end(
        new ClusterError(
          'UNAVAILABLE',
          `${frame.method}: ${result === 'too_large' ? 'an item exceeds one frame' : 'the reader is too slow'}`,
        ),
      );
      return false;
    };
    this.#streams.set(frame.id, stream);
    if (this.#streams.size > this.limits.streamsPerConnection) {
      const what = `more than ${this.limits.streamsPerConnection} streams on one connection`;
      end(new ClusterError('UNAVAILABLE', what));
      return;
    }
    try {
      const handler = this.handlers.streamHandler(frame.method, this.link.remote);
      handler(payload, this.link.remote, push, stream.signal, end);
      opened();
    } catch (error) {
      stopOnBrokenInvariant(error);
      const clusterError = toClusterError(error);
      if (clusterError.code === 'INTERNAL')
        this.logger.error({ err: error, method: frame.method }, 'a stream handler failed');
      end(clusterError);
    }
  }
}
