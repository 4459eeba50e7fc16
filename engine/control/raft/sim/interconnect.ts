/**
 * The interconnect of one life of a simulated process, over the simulated network: what the control store uses of it. Payloads are JSON copies, as the
 * real frames carry them; names are authenticated.
 */
import type {
  Interconnect,
  MessageHandler,
  PeerIdentity,
  RequestHandler,
  RequestOptions,
} from '../../../interconnect/api';
import { ClusterError, isClusterError } from '../../../kernel/errors';
import type { RaftMember } from '../../store';
import type { Network } from './network';
import type { SimProcess } from './process';

type Answer = { readonly result?: string; readonly error?: ReturnType<ClusterError['toJSON']> };

export class SimInterconnect implements Pick<Interconnect, 'request' | 'send' | 'onRequest' | 'onMessage'> {
  readonly #identity: PeerIdentity;
  readonly #requests = new Map<string, RequestHandler>();
  readonly #messages = new Map<string, MessageHandler>();

  constructor(
    private readonly member: RaftMember,
    private readonly process: SimProcess,
    private readonly network: Network,
    /** Whoever listens under this name at the moment of arrival. */
    private readonly find: (id: string) => SimInterconnect | null,
  ) {
    this.#identity = { name: `node:${member.id}`, kind: 'node', nodeId: member.id, incarnation: member.incarnation };
  }

  onRequest(method: string, handler: RequestHandler): void {
    this.#requests.set(method, handler);
  }

  onMessage(method: string, handler: MessageHandler): void {
    this.#messages.set(method, handler);
  }

  send(to: string, method: string, payload: unknown): void {
    const text = JSON.stringify(payload);
    this.network.carry(this.member.id, to, () => this.find(to)?.deliver(method, text, this.#identity));
  }

  deliver(method: string, text: string, from: PeerIdentity): void {
    this.process.run(() => this.#messages.get(method)?.(JSON.parse(text), from));
  }

  request<T>(to: string, method: string, payload: unknown, options: RequestOptions): Promise<T> {
    const text = JSON.stringify(payload);
    return new Promise<T>((resolve, reject) => {
      const timer = this.process.after(options.timeoutMs, () =>
        reject(new ClusterError('TIMEOUT', `${method} to ${to}`)),
      );
      const finish = (job: () => void) =>
        this.process.run(() => {
          timer.cancel();
          job();
        });
      options.signal?.addEventListener('abort', () => finish(() => reject(new ClusterError('UNAVAILABLE', 'aborted'))));
      const answered = (answer: Answer) =>
        this.network.carry(to, this.member.id, () =>
          finish(() => {
            if (answer.error) reject(ClusterError.fromJSON(answer.error));
            else resolve((answer.result === undefined ? undefined : JSON.parse(answer.result)) as T);
          }),
        );
      this.network.carry(this.member.id, to, () => this.find(to)?.serve(method, text, this.#identity, answered));
    });
  }

  serve(method: string, text: string, from: PeerIdentity, answered: (answer: Answer) => void): void {
    this.process.run(() => {
      const handler = this.#requests.get(method);
      if (!handler) {
        answered({ error: new ClusterError('UNAVAILABLE', `no handler of ${method}`).toJSON() });
        return;
      }
      Promise.resolve()
        .then(() => handler(JSON.parse(text), from))
        .then(
          (result) => answered({ result: JSON.stringify(result) }),
          (error) => {
            if (!isClusterError(error)) throw error;
            answered({ error: error.toJSON() });
          },
        );
    }, true);
  }
}
