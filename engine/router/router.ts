/**
 * The service router: one listener per service, one watch of the cluster, no state of its own. Killing it loses the connections that run
 * through it and nothing else; started again it asks the agents and serves.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ClusterError, messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { RouterStatus } from '../runtime/engine-api';
import type { AgentLink } from './agent-link';
import { CancelForwarder } from './cancel-forwarder';
import type { RouterConfig } from './config';
import { CancelKeys } from './core/cancel-keys';
import { defaultLimits, type RouterLimits } from './limits';
import { RouteWatch } from './route-watch';
import { ServiceListener } from './service-listener';
import type { Session } from './session';
import { alone, type Siblings } from './siblings';

function readSecureContext(tls: RouterConfig['tls']): SecureContext | null {
  if (!tls) return null;
  try {
    return createSecureContext({
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    throw new ClusterError('INVALID_INPUT', `router: certificate ${tls.certFile} or its key: ${messageOf(error)}`);
  }
}

export class Router {
  readonly #watch: RouteWatch;
  readonly #listeners: readonly ServiceListener[];
  readonly #limits: RouterLimits;
  readonly #siblings: Siblings;
  readonly #startedAt = new Date().toISOString();
  #statusTimer: NodeJS.Timeout | null = null;
  #sentContent = '';
  #sentTo = '';
  #sentAt = 0;

  constructor(
    private readonly options: {
      readonly config: RouterConfig;
      readonly link: AgentLink;
      readonly logger: Logger;
      readonly limits?: Partial<RouterLimits>;
      readonly siblings?: Siblings;
    },
  ) {
    const { config, link, logger, siblings = alone } = options;
    this.#siblings = siblings;
    const limits = { ...defaultLimits, ...options.limits };
    this.#limits = limits;
    const secureContext = readSecureContext(config.tls);
    const cancelKeys = new CancelKeys<Session>();
    const cancels = new CancelForwarder(cancelKeys, limits, siblings);
    this.#watch = new RouteWatch(link, {
      groups: [...new Set(config.services.map((service) => service.group))],
      limits,
      logger,
      isBusy: (group) => this.#listeners.some((listener) => listener.config.group === group && listener.isBusy),
      onChange: (group) => {
        for (const listener of this.#listeners) if (listener.config.group === group) listener.routesChanged();
      },
    });
    this.#listeners = config.services.map(
      (service) =>
        new ServiceListener({
          config: service,
          region: config.region,
          limits,
          watch: this.#watch,
          secureContext,
          cancelKeys,
          onCancel: (opened) => cancels.forward(opened),
          logger,
        }),
    );
  }

  /** Resolves once every service listens. @throws ClusterError when one can't. */
  async start(): Promise<void> {
    const { config, link } = this.options;
    await Promise.all(this.#listeners.map((listener) => listener.start()));
    await link.start();
    this.#watch.start();
    this.#statusTimer = setInterval(() => this.#sendStatus(), config.statusIntervalMs);
  }

  async stop(): Promise<void> {
    if (this.#statusTimer) clearInterval(this.#statusTimer);
    await Promise.all(this.#listeners.map((listener) => listener.stop('the service router is being stopped')));
    this.#watch.stop();
    await this.options.link.stop();
  }

  status(): RouterStatus {
    const { config } = this.options;
    const services = this.#listeners.map((listener) => {
      const { endpoints, ...counters } = listener.status();
      const { service, group, kind, host } = listener.config;
      return {
        service,
        group,
        kind,
        host,
        port: listener.port,
        ...counters,
        endpoints: endpoints.map(({ endpoint, state, reason, connectMs }) => ({
          node: endpoint.node,
          state,
          reason,
          sessions: endpoint.sessions,
          weight: endpoint.weight,
          connectMs,
        })),
      };
    });
    return { host: config.host, pid: process.pid, startedAt: this.#startedAt, services, clients: this.#clients() };
  }

  #clients(): RouterStatus['clients'] {
    const clients: RouterStatus['clients'][number][] = [];
    for (const listener of this.#listeners) {
      for (const session of listener.sessions) {
        if (clients.length >= this.#limits.maxListedClients) return clients;
        const { pin, clientAddress, parameters } = session.options;
        clients.push({
          service: listener.config.service,
          node: pin.node,
          clientAddress,
          ...parameters,
          since: session.since,
          bytesIn: session.bytesIn,
          bytesOut: session.bytesOut,
        });
      }
    }
    return clients;
  }

  #sendStatus(): void {
    const { link } = this.options;
    const loopBlockMs = Math.round(this.#watch.takeLoopBlockMs());
    const status = this.#siblings.merged(this.status(), this.#limits.maxListedClients);
    const content = JSON.stringify(status);
    const now = performance.now();
    const nodes = this.#siblings.reports ? link.connectedNodes() : [];
    const isNews = content !== this.#sentContent || nodes.join() !== this.#sentTo;
    if (!isNews && now - this.#sentAt < this.#limits.repeatStatusMs) return;
    this.#sentContent = content;
    this.#sentTo = nodes.join();
    this.#sentAt = now;
    if (!this.#siblings.reports) this.#siblings.tell(status);
    for (const node of nodes) {
      // For display only: an agent that misses one gets the next.
      link.requestNode(node, 'router.status', { ...status, loopBlockMs }, this.#limits.askTimeoutMs).catch(() => {});
    }
  }
}
