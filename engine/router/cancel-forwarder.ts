/** Takes CancelRequests to the server that runs the session. Bounded in number and time; like PostgreSQL it never tells whether it hit. */
import { connect, type Socket } from 'node:net';
import type { Opened } from './client-opening';
import type { CancelKeys } from './core/cancel-keys';
import type { RouterLimits } from './limits';
import type { Session } from './session';

export class CancelForwarder {
  #active = 0;

  constructor(
    private readonly keys: CancelKeys<Session>,
    private readonly limits: RouterLimits,
  ) {}

  forward(opened: Extract<Opened, { kind: 'cancel' }>): void {
    const client = opened.socket;
    client.on('error', () => {});
    const session = this.keys.find(opened.processId, opened.secret);
    // The session's permission ended: its server may belong to the past, and the session is ending anyway.
    if (session === null || session.options.whyEnd() !== null || this.#active >= this.limits.maxCancels) {
      client.destroy();
      return;
    }
    this.#active++;
    const { host, port } = session.options.target;
    const server: Socket = connect({ host, port });
    const timer = setTimeout(() => server.destroy(), this.limits.cancelMs);
    server.on('error', () => {});
    server.on('connect', () => server.write(opened.packet));
    // The client waits for the end of its connection: the server closes only after the signal was sent.
    server.on('close', () => {
      clearTimeout(timer);
      this.#active--;
      client.destroy();
    });
    server.resume();
    client.resume();
  }
}
