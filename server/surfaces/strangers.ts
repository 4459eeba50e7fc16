/**
 * Sockets of callers who have not said who they are: a small share of all sockets, smaller still for one address, so that nobody without an
 * identity can take the places of those who have one.
 */
import { ClusterError } from '@/engine/kernel/errors';

const mostInAll = 200;
const mostOfOneAddress = 20;

export class Strangers<Socket extends object> {
  readonly #addressOf = new Map<Socket, string>();
  readonly #counts = new Map<string, number>();

  /** @throws RATE_LIMITED */
  requireRoom(address: string): void {
    const ofAddress = this.#counts.get(address) ?? 0;
    if (ofAddress < mostOfOneAddress && this.#addressOf.size < mostInAll) return;
    const limit = ofAddress < mostOfOneAddress ? mostInAll : mostOfOneAddress;
    throw new ClusterError(
      'RATE_LIMITED',
      'Too many sockets of callers who have not signed in; send a key with the upgrade',
      {
        extra: { retry_after: 3, limit, remaining: 0, reset: Math.ceil(Date.now() / 1000) + 3 },
      },
    );
  }

  add(socket: Socket, address: string): void {
    this.#addressOf.set(socket, address);
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
  }

  /** Gone, or no stranger any more. */
  remove(socket: Socket): void {
    const address = this.#addressOf.get(socket);
    if (address === undefined) return;
    this.#addressOf.delete(socket);
    const left = this.#counts.get(address)! - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }
}
