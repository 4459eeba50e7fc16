/**
 * Router processes of one host that share its ports (Node's cluster module: the first process takes connections and hands them out in turn, the workers
 * serve them). The first one serves nobody itself; it starts workers again and carries two kinds of words between them: what each has to report (worker 0
 * reports for all), and cancels, which come to any of them. When it ends, so do they; when a worker ends, its sessions do and no other's.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../kernel/log';
import type { RouterStatus } from '../runtime/engine-api';
import { together } from './core/several';

/** What one router knows of the others. */
export interface Siblings {
  /** This one reports to the agents, for all. */
  readonly reports: boolean;
  /** To whoever reports. */
  tell(own: RouterStatus): void;
  merged(own: RouterStatus, mostClients: number): RouterStatus;
  /** Resolves when whoever has that session has passed the cancel on, or nobody has it. */
  cancelElsewhere(packet: Buffer): Promise<void>;
  /** Of another one's client; resolves when it was passed on; at once without such a session here. */
  onCancel(listener: (packet: Buffer) => Promise<void>): void;
}

export const alone: Siblings = {
  reports: true,
  tell: () => {},
  merged: (own) => own,
  cancelElsewhere: async () => {},
  onCancel: () => {},
};

type ToFirst =
  | { readonly kind: 'router-listening'; readonly services: unknown }
  | { readonly kind: 'status'; readonly status: RouterStatus }
  | { readonly kind: 'cancel'; readonly id: number; readonly packet: string }
  | { readonly kind: 'cancelled'; readonly of: string };
type ToWorker =
  | { readonly kind: 'status'; readonly index: number; readonly status: RouterStatus | null }
  | { readonly kind: 'cancel'; readonly of: string; readonly packet: string }
  | { readonly kind: 'cancelled'; readonly id: number };

const indexVariable = 'RUSTYDB_ROUTER_INDEX';
const startAgainMs = 200;

/** Null: this is no worker. */
export function workerIndex(): number | null {
  return cluster.isWorker ? Number(process.env[indexVariable]) : null;
}

// ---------------------------------------------------------------- in a worker
export function siblingsOf(index: number, cancelMs: number): Siblings {
  const others = new Map<number, RouterStatus>();
  const waiting = new Map<number, () => void>();
  let listener: (packet: Buffer) => Promise<void> = async () => {};
  let next = 0;
  const send = (message: ToFirst) => process.send?.(message);
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'status') {
      if (message.status === null) others.delete(message.index);
      else others.set(message.index, message.status);
    } else if (message.kind === 'cancelled') waiting.get(message.id)?.();
    else
      void listener(Buffer.from(message.packet, 'base64')).finally(() => send({ kind: 'cancelled', of: message.of }));
  });
  return {
    reports: index === 0,
    tell: (status) => send({ kind: 'status', status }),
    // Known to the outside by the process that was started.
    merged: (own, mostClients) => ({ ...together(own, [...others.values()], mostClients), pid: process.ppid }),
    cancelElsewhere: (packet) =>
      new Promise((resolve) => {
        const id = next++;
        const done = () => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve();
        };
        const timer = setTimeout(done, cancelMs);
        waiting.set(id, done);
        send({ kind: 'cancel', id, packet: packet.toString('base64') });
      }),
    onCancel: (given) => {
      listener = given;
    },
  };
}

// ---------------------------------------------------------------- in the first process
/** Ends the process: with 1 when a worker can't even start (it has said why), with 0 after a signal. */
export class FirstProcess {
  readonly #workers = new Map<number, Worker>();
  /** By `<index>/<id>`: who has not answered yet. */
  readonly #cancels = new Map<string, Set<number>>();
  #listening = 0;
  #stopping = false;

  constructor(
    private readonly processes: number,
    private readonly logger: Logger,
  ) {}

  start(): void {
    for (let index = 0; index < this.processes; index++) this.#fork(index);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#stop(signal));
  }

  #fork(index: number): void {
    const worker = cluster.fork({ [indexVariable]: String(index) });
    let served = false;
    this.#workers.set(index, worker);
    worker.on('message', (message: ToFirst) => {
      if (message.kind === 'router-listening') {
        served = true;
        // All of them listen on the same ports.
        if (++this.#listening === this.processes) process.send?.(message);
      } else this.#carry(index, message);
    });
    worker.once('exit', (code, signal) => {
      this.#workers.delete(index);
      for (const key of this.#cancels.keys()) this.#answered(key, index);
      if (this.#stopping) return this.#ended();
      if (!served) process.exit(code ?? 1);
      this.logger.error({ index, code, signal }, 'a router process ended: its sessions are cut, it is started again');
      this.#send(0, { kind: 'status', index, status: null });
      setTimeout(() => {
        if (!this.#stopping) this.#fork(index);
      }, startAgainMs);
    });
  }

  #carry(from: number, message: Exclude<ToFirst, { kind: 'router-listening' }>): void {
    if (message.kind === 'status') this.#send(0, { kind: 'status', index: from, status: message.status });
    else if (message.kind === 'cancelled') this.#answered(message.of, from);
    else {
      const others = [...this.#workers.keys()].filter((index) => index !== from);
      const of = `${from}/${message.id}`;
      this.#cancels.set(of, new Set(others));
      for (const index of others) this.#send(index, { kind: 'cancel', of, packet: message.packet });
      this.#answered(of, from);
    }
  }

  #answered(of: string, index: number): void {
    const left = this.#cancels.get(of);
    left?.delete(index);
    if (left === undefined || left.size > 0) return;
    this.#cancels.delete(of);
    const [from = 0, id = 0] = of.split('/').map(Number);
    this.#send(from, { kind: 'cancelled', id });
  }

  #send(index: number, message: ToWorker): void {
    const worker = this.#workers.get(index);
    if (worker?.isConnected()) worker.send(message, () => {});
  }

  #stop(signal: NodeJS.Signals): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.logger.info({ signal }, 'router stopping');
    for (const worker of this.#workers.values()) worker.process.kill('SIGTERM');
    this.#ended();
  }

  #ended(): void {
    if (this.#workers.size === 0) process.exit(0);
  }
}
