/** A walreceiver until it is connected: it reads once where to go and keeps to that, whatever is changed meanwhile; told to end it does so a little later. */
import type { Process } from './event-queue';
import type { PgEngine } from './pg-engine';
import type { World } from './world';

/** connect_timeout as the product sets it. */
const connectTimeoutMs = 2000;

export class ConnectingReceiver {
  #token: object | null = null;
  /** Those that were told to end, connected or not. */
  readonly #told = new WeakSet<object>();

  get current(): object | null {
    return this.#token;
  }
  /** False: it was told before. */
  tell(running: object): boolean {
    if (this.#told.has(running)) return false;
    this.#told.add(running);
    return true;
  }
  end(which: object | null = this.#token): void {
    if (this.#token === which) this.#token = null;
  }

  connect(
    of: {
      readonly world: World;
      readonly id: string;
      readonly life: Process;
      readonly upstream: () => PgEngine | null;
    },
    accept: (primary: PgEngine) => void,
  ): void {
    const { world, id, life } = of;
    const token = {};
    this.#token = token;
    world.queue.after(world.random.between(0.3, 3), life, () => {
      if (this.#token !== token) return;
      const primary = of.upstream();
      if (primary === null) return this.end(token);
      world.queue.after(connectTimeoutMs, life, () => this.end(token));
      world.send(
        id,
        primary.id,
        () => primary.life,
        () => {
          // One that was told to end leaves as soon as it has anything to look at.
          if (this.#token !== token || !life.alive || this.#told.has(token)) return;
          accept(primary);
          this.end(token);
        },
      );
    });
  }
}
