/** Applications: some connected directly, some through a router on a host of its own, which decides by the real admission rule. */
import { decideAdmission, type Endpoint } from '../../cluster/core/admission';
import { Clock } from './clock';
import { Process } from './event-queue';
import type { SimNode } from './node';
import type { Session } from './postgres-model';
import type { World } from './world';

type Route = Endpoint;

export class RouterModel {
  readonly process = new Process();
  readonly clock: Clock;
  readonly #routes = new Map<string, Route>();
  #highest = 0;
  readonly #sessions = new Set<{ session: Session; node: SimNode; epoch: number }>();

  constructor(
    private readonly world: World,
    private readonly members: readonly SimNode[],
    private readonly leaseMs: number,
  ) {
    this.clock = new Clock(world, 77);
    this.#poll();
  }

  #poll(): void {
    this.world.queue.after(100, this.process, () => {
      for (const node of this.members) {
        const askedAt = this.clock.mono();
        this.world.send(
          'router',
          node.id,
          () => node.agent?.process ?? null,
          () => {
            const answer = node.agent!.route();
            this.world.send(
              node.id,
              'router',
              () => this.process,
              () => {
                this.#highest = Math.max(this.#highest, answer.epoch);
                const before = this.#routes.get(node.id);
                if (before !== undefined && before.askedAt > askedAt) return;
                this.#routes.set(node.id, { node: node.id, ...answer, askedAt, draining: false, lagMs: 0 });
              },
            );
          },
        );
      }
      this.#sweep();
      this.#poll();
    });
  }

  /** Sessions end when their server's epoch is over or its lease is not confirmed any more. */
  #sweep(): void {
    const now = this.clock.mono();
    for (const one of [...this.#sessions]) {
      const route = this.#routes.get(one.node.id);
      const deadline = route === undefined ? 0 : route.askedAt + route.remainingMs + this.leaseMs * 0.2;
      if (one.epoch < this.#highest - 0 && route?.epoch !== this.#highest) this.#end(one);
      else if (now > deadline) this.#end(one);
    }
  }
  #end(one: { session: Session; node: SimNode; epoch: number }): void {
    one.session.open = false;
    this.#sessions.delete(one);
  }

  /** A new session, or null. */
  admit(): { node: SimNode; session: Session } | null {
    for (const node of this.members) {
      const endpoint = this.#routes.get(node.id);
      if (endpoint === undefined) continue;
      const now = this.clock.mono();
      const mutated = this.world.is('admit-after-cut');
      const decision = decideAdmission({
        endpoint: mutated ? { ...endpoint, askedAt: now, remainingMs: Math.max(1, endpoint.remainingMs) } : endpoint,
        now,
        highestEpoch: mutated ? 0 : this.#highest,
        kind: 'rw',
        maximumLagMs: 0,
        staleAfterMs: 0,
      });
      if (!decision.admit) continue;
      this.world.checker.admitted(node.id, endpoint.epoch);
      if (!node.postgres.serving || !this.world.network.both('router', node.id)) continue;
      const session: Session = { kind: 'router', open: true };
      this.#sessions.add({ session, node, epoch: endpoint.epoch });
      return { node, session };
    }
    return null;
  }
}

/** One connection that commits, thinks and commits again; looks for another server when its own is gone. */
export class Client {
  #at: { node: SimNode; session: Session; life: Process } | null = null;
  #busySince: number | null = null;
  readonly process = new Process();

  constructor(
    private readonly world: World,
    private readonly members: readonly SimNode[],
    private readonly router: RouterModel | null,
  ) {
    this.#loop();
  }

  #loop(): void {
    this.world.queue.after(this.world.random.between(8, 40), this.process, () => {
      this.#act();
      this.#loop();
    });
  }

  #act(): void {
    const at = this.#at;
    if (at === null || !at.session.open || at.node.postgres.life !== at.life || !at.life.alive) {
      this.#at = this.#connect();
      this.#busySince = null;
      return;
    }
    if (at.life.frozen) {
      /* The server can not answer; what it would acknowledge on waking is what the 200 ms are about. */
      this.world.queue.after(0, at.life, () => {
        if (at.node.postgres.life === at.life && at.session.open) at.node.postgres.commit(at.session, () => undefined);
      });
      return;
    }
    if (this.#busySince !== null && this.world.now - this.#busySince < 60_000) return;
    this.#busySince = this.world.now;
    at.node.postgres.commit(at.session, () => {
      this.#busySince = null;
    });
  }

  #connect(): { node: SimNode; session: Session; life: Process } | null {
    if (this.router !== null) {
      const admitted = this.router.admit();
      if (admitted === null || admitted.node.postgres.life === null) return null;
      return { ...admitted, life: admitted.node.postgres.life };
    }
    const node = this.world.random.pick(this.members);
    const { postgres } = node;
    if (!postgres.serving || !postgres.postmasterAlive || postgres.life === null || postgres.life.frozen) return null;
    return { node, session: { kind: 'direct', open: true }, life: postgres.life };
  }
}
