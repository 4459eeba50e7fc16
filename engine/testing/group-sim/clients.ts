/** Applications: some connected directly, some through a router on a host of its own, which decides by the real admission rule. */
import { decideAdmission, type Endpoint } from '../../cluster/core/admission';
import type { RouteAnswer } from '../../runtime/engine-api';
import { Clock, SimLoop } from './clock';
import { Process } from './event-queue';
import type { Host } from './host';
import { type Exchange, SimInterconnect } from './interconnect';
import type { Session } from './pg-stream';
import { groupName } from './scene';
import type { World } from './world';

export class RouterModel {
  readonly process = new Process();
  readonly clock: Clock;
  readonly #interconnect: SimInterconnect;
  readonly #routes = new Map<string, Endpoint>();
  #highest = 0;
  readonly #sessions = new Set<{ session: Session; host: Host; epoch: number }>();

  constructor(
    private readonly world: World,
    exchange: Exchange,
    private readonly members: readonly Host[],
    private readonly leaseMs: () => number,
  ) {
    this.clock = new Clock(world.queue, 77);
    const loop = new SimLoop(world.queue, world.random, this.clock, this.process, () => undefined);
    const self = { name: 'router:r', kind: 'router' as const, nodeId: null, incarnation: null };
    this.#interconnect = new SimInterconnect(world, exchange, this.process, loop, self, 'router');
    this.#poll();
  }

  #poll(): void {
    this.world.queue.after(100, this.process, () => {
      for (const host of this.members) {
        const askedAt = this.clock.mono();
        this.#interconnect
          .request<RouteAnswer>(host.id, 'engine.node.route', { group: groupName }, { timeoutMs: 1000 })
          .then((answer) => this.#heard(host.id, answer, askedAt))
          .catch(() => undefined);
      }
      this.#sweep();
      this.#poll();
    });
  }
  #heard(node: string, answer: RouteAnswer, askedAt: number): void {
    this.#highest = Math.max(this.#highest, answer.epoch);
    const before = this.#routes.get(node);
    if (before !== undefined && before.askedAt > askedAt) return;
    const { epoch, role, remainingMs, draining, lagMs } = answer;
    this.#routes.set(node, { node, epoch, role, remainingMs, askedAt, draining, lagMs });
  }

  /** Sessions end when their server's epoch is over or its lease is not confirmed any more. */
  #sweep(): void {
    const now = this.clock.mono();
    for (const one of [...this.#sessions]) {
      const route = this.#routes.get(one.host.id);
      const deadline = route === undefined ? 0 : route.askedAt + route.remainingMs + this.leaseMs() * 0.2;
      if ((one.epoch < this.#highest && route?.epoch !== this.#highest) || now > deadline) {
        one.session.open = false;
        this.#sessions.delete(one);
      }
    }
  }

  /** A new session, or null. */
  admit(): { host: Host; session: Session } | null {
    for (const host of this.members) {
      const endpoint = this.#routes.get(host.id);
      if (endpoint === undefined) continue;
      const now = this.clock.mono();
      const rest = { kind: 'rw', maximumLagMs: 0, staleAfterMs: 0 } as const;
      if (!decideAdmission({ endpoint, now, highestEpoch: this.#highest, ...rest }).admit) continue;
      this.world.checker.admitted(host.id, endpoint.epoch);
      if (!host.engine.serving || !this.world.network.both('router', host.id)) continue;
      const session: Session = { kind: 'router', open: true };
      this.#sessions.add({ session, host, epoch: endpoint.epoch });
      return { host, session };
    }
    return null;
  }
}

/** One connection that commits, thinks and commits again; looks for another server when its own is gone. */
export class Client {
  #at: { host: Host; session: Session; life: Process } | null = null;
  #busy = false;
  readonly process = new Process();

  constructor(
    private readonly world: World,
    private readonly members: readonly Host[],
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
    if (at === null || !at.session.open || at.host.engine.life !== at.life || !at.life.alive) {
      this.#at = this.#connect();
      this.#busy = false;
      return;
    }
    if (at.life.frozen) {
      /* The server can not answer; what it would acknowledge on waking is what the 200 ms are about. */
      this.world.queue.after(0, at.life, () => {
        if (at.host.engine.life === at.life && at.session.open) at.host.engine.commit(at.session, () => undefined);
      });
      return;
    }
    if (this.#busy) return;
    this.#busy = true;
    at.host.engine.commit(at.session, () => {
      this.#busy = false;
    });
  }

  #connect(): { host: Host; session: Session; life: Process } | null {
    if (this.router !== null) {
      const admitted = this.router.admit();
      if (admitted === null || admitted.host.engine.life === null) return null;
      return { ...admitted, life: admitted.host.engine.life };
    }
    const host = this.world.random.pick(this.members);
    const { engine } = host;
    if (!engine.serving || !engine.postmasterAlive || engine.life === null || engine.life.frozen) return null;
    return { host, session: { kind: 'direct', open: true }, life: engine.life };
  }
}
