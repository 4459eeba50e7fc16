/** Takes CancelRequests to the server that runs the session. Bounded in number and time; like PostgreSQL it never tells whether it hit. */
import { connect, type Socket } from 'node:net';
import type { Opened } from './client-opening';
import type { CancelKeys } from './core/cancel-keys';
import { readOpening } from './core/startup-packet';
import type { RouterLimits } from './limits';
import type { Session } from './session';
import type { Siblings } from './siblings';

export class CancelForwarder {
  #active = 0;

  constructor(
    private readonly keys: CancelKeys<Session>,
    private readonly limits: RouterLimits,
    private readonly siblings: Siblings,
  ) {
    siblings.onCancel((packet) => {
      const opening = readOpening(packet);
      const session = opening.kind === 'cancel' ? this.keys.find(opening.processId, opening.secret) : null;
      return session === null ? Promise.resolve() : this.#bounded(() => this.#passOn(packet, session));
    });
  }

  forward(opened: Extract<Opened, { kind: 'cancel' }>): void {
    const client = opened.socket;
    client.on('error', () => {});
    client.resume();
    const session = this.keys.find(opened.processId, opened.secret);
    // The client waits for the end of its connection.
    void this.#bounded(() =>
      session === null ? this.siblings.cancelElsewhere(opened.packet) : this.#passOn(opened.packet, session),
    ).finally(() => client.destroy());
  }

  async #bounded(job: () => Promise<void>): Promise<void> {
    if (this.#active >= this.limits.maxCancels) return;
    this.#active++;
    await job().finally(() => {
      this.#active--;
    });
  }

  /** Resolves when the server has closed: it does so only after the signal was sent. */
  #passOn(packet: Buffer, session: Session): Promise<void> {
    // The session's permission ended: its server may belong to the past, and the session is ending anyway.
    if (session.options.whyEnd() !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const { host, port } = session.options.target;
      const server: Socket = connect({ host, port });
      const timer = setTimeout(() => server.destroy(), this.limits.cancelMs);
      server.on('error', () => {});
      server.on('connect', () => server.write(packet));
      server.on('close', () => {
        clearTimeout(timer);
        resolve();
      });
      server.resume();
    });
  }
}
