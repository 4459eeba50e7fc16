/**
 * The engine as a key that is limited to groups may use it. It stands where every procedure reaches the cluster, so a procedure that forgets
 * about scopes still can't show or change another group. Invariant: each method of the engine has a rule here (the tables are total); a name
 * outside the scope is answered as one that does not exist.
 */
import type { ClusterView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import { type HealthTransition, mostListed } from '@/engine/monitoring/model';
import type { Operation } from '@/engine/operations/model';
import { areaMethods } from '@/engine/runtime/core/area-methods';
import type {
  CoreRequests,
  EngineParams,
  EngineResult,
  RouterStatus,
  RuntimeInfo,
  StartOperation,
} from '@/engine/runtime/engine-api';
import type { CurrentView, EngineClient, EventItem, LeaderMethods, NodeMethods } from '@/server/engine-client/api';
import type { Identity } from './api';
import {
  eventInScope,
  type GroupScope,
  groupOfNode,
  groupOfRequest,
  operationInScope,
  scopeKey,
  scopeOf,
  scopeView,
} from './group-scope';

/** How many pages of the history are read to fill one page of the scope. */
const pagesLimit = 20;

const seen = new WeakMap<ClusterView, Map<string, ClusterView>>();

/** One scoped copy per view and scope, however many callers look. */
function scopedView(view: ClusterView, scope: GroupScope, key: string): ClusterView {
  const copies = seen.get(view) ?? new Map<string, ClusterView>();
  seen.set(view, copies);
  const copy = copies.get(key) ?? scopeView(view, scope);
  copies.set(key, copy);
  return copy;
}

export function engineFor(engine: EngineClient, identity: Identity): EngineClient {
  const scope = scopeOf(identity);
  return scope === null ? engine : new ScopedEngine(engine, scope, scopeKey(identity));
}

export function clusterWide(what: string): ClusterError {
  return new ClusterError('FORBIDDEN', `${what} concerns the whole cluster; this key is limited to groups`, {
    reasons: [
      {
        rule: 'key-scope',
        measured: 'limited to groups',
        limit: 'every group',
        remedy: 'Use a key without group limit',
      },
    ],
  });
}

type LeaderRules = { [M in LeaderMethods]: (params: EngineParams<M>, timeoutMs?: number) => Promise<EngineResult<M>> };
type NodeRules = {
  [M in Extract<NodeMethods, keyof CoreRequests>]: ((result: EngineResult<M>) => EngineResult<M>) | 'refused';
};

class ScopedEngine implements EngineClient {
  constructor(
    private readonly inner: EngineClient,
    private readonly scope: GroupScope,
    private readonly scopeId: string,
  ) {}

  current(): CurrentView {
    const current = this.inner.current();
    return { ...current, view: scopedView(current.view, this.scope, this.scopeId) };
  }

  onView(callback: () => void): () => void {
    return this.inner.onView(callback);
  }

  eventsSince(after: string | null): readonly EventItem[] {
    return this.inner.eventsSince(after).filter((item) => this.#shows(item));
  }

  onEvent(callback: (item: EventItem) => void): () => void {
    return this.inner.onEvent((item) => {
      if (this.#shows(item)) callback(item);
    });
  }

  connectedNodes(): readonly string[] {
    const { view } = this.inner.current();
    return this.inner.connectedNodes().filter((node) => this.scope.has(groupOfNode(node, view) ?? ''));
  }

  leader<M extends LeaderMethods>(method: M, params: EngineParams<M>, timeoutMs?: number): Promise<EngineResult<M>> {
    return this.#leaderRules[method](params, timeoutMs);
  }

  async node<M extends NodeMethods>(node: string, method: M, params: EngineParams<M>, timeoutMs?: number) {
    this.#requireNode(node);
    return this.#narrow(method, () => this.inner.node(node, method, params, timeoutMs));
  }

  async anyNode<M extends NodeMethods>(method: M, params: EngineParams<M>, timeoutMs?: number) {
    return this.#narrow(method, () => this.inner.anyNode(method, params, timeoutMs));
  }

  async #narrow<M extends NodeMethods>(method: M, ask: () => Promise<EngineResult<M>>): Promise<EngineResult<M>> {
    const ofArea = method in areaMethods ? areaMethods[method as keyof typeof areaMethods].boundKeys : null;
    if (ofArea === 'refused') throw clusterWide(method);
    if (ofArea === 'their nodes') return ask();
    const rule = this.#nodeRules[method as keyof NodeRules];
    if (rule === 'refused') throw clusterWide(method);
    return (rule as (result: EngineResult<M>) => EngineResult<M>)(await ask());
  }

  readonly #leaderRules: LeaderRules = {
    'view.get': async (params, timeoutMs) =>
      scopeView(await this.inner.leader('view.get', params, timeoutMs), this.scope),
    'operation.plan': async (start, timeoutMs) => {
      this.#requireRequest(start);
      return this.inner.leader('operation.plan', start, timeoutMs);
    },
    'operation.start': async (start, timeoutMs) => {
      this.#requireRequest(start);
      return this.inner.leader('operation.start', start, timeoutMs);
    },
    'operation.cancel': async (params, timeoutMs) => {
      const found = await this.inner.leader('operation.get', { id: params.id }, timeoutMs);
      if (!found || !operationInScope(found, this.scope)) throw unknown('operation', params.id);
      return this.inner.leader('operation.cancel', params, timeoutMs);
    },
    'operation.get': async (params, timeoutMs) => {
      const found = await this.inner.leader('operation.get', params, timeoutMs);
      return found && operationInScope(found, this.scope) ? found : null;
    },
    'operation.list': (params, timeoutMs) => this.#listOperations(params, timeoutMs),
    'health.history': async (params, timeoutMs) => {
      const all = await this.inner.leader('health.history', { ...params, limit: mostListed }, timeoutMs);
      return this.#healthInScope(all).slice(0, params.limit);
    },
    'group.put': async (params, timeoutMs) => {
      if (!this.scope.has(params.group)) throw unknown('group', params.group);
      return this.inner.leader('group.put', params, timeoutMs);
    },
    'node.put': async (params, timeoutMs) => {
      this.#requireNode(params.node);
      return this.inner.leader('node.put', params, timeoutMs);
    },
    'config.put': refuse('the configuration'),
    'raft.transfer': refuse('the control store'),
    'store.get': refuse('the control store'),
    'store.list': refuse('the control store'),
    'audit.tell': refuse('the audit log'),
    'store.txn': refuse('the control store'),
  };

  readonly #nodeRules: NodeRules = {
    'store.localList': 'refused',
    'raft.status': 'refused',
    'raft.log': 'refused',
    'node.settings.check': 'refused',
    'runtime.put': 'refused',
    'router.status': 'refused',
    'health.kept': (found) => this.#healthInScope(found),
    'operation.archived': (found) => found.filter((one) => operationInScope(one, this.scope)),
    'view.local': (view) => scopeView(view, this.scope),
    'node.links': (links) => {
      const { view } = this.inner.current();
      return links.filter((one) => this.scope.has(groupOfNode(one.peer, view) ?? ''));
    },
    'runtime.get': (runtime) => scopeRuntime(runtime, this.scope, this.current().view),
    'router.get': (status) => (status === null ? null : scopeRouter(status, this.scope)),
    'node.sessions': same,
    'node.session.end': same,
    'node.logs': same,
    'node.settings': same,
    'node.resources': same,
    'node.wal': same,
    'node.slots': same,
    'node.unlogged': same,
    'node.wal.switch': same,
    'node.replay': same,
    'node.faults': same,
    'node.faults.set': same,
    'node.route': same,
  };

  #healthInScope(all: readonly HealthTransition[]): readonly HealthTransition[] {
    const { view } = this.inner.current();
    const groupOf = ({ group, node }: HealthTransition) => group ?? (node === null ? null : groupOfNode(node, view));
    return all.filter((one) => this.scope.has(groupOf(one) ?? ''));
  }

  async #listOperations(params: EngineParams<'operation.list'>, timeoutMs?: number) {
    const found: Operation[] = [];
    const missing = new Set<string>();
    let { before } = params;
    for (let page = 0; page < pagesLimit; page++) {
      const page = await this.inner.leader('operation.list', { ...params, before }, timeoutMs);
      const { operations, next } = page;
      // That something is missing is told; the name of a node that does not exist for this key is not.
      for (const node of page.missing ?? [])
        missing.add(this.scope.has(groupOfNode(node, this.inner.current().view) ?? '') ? node : '');
      found.push(...operations.filter((one) => operationInScope(one, this.scope)));
      before = next;
      if (found.length > params.limit) break;
      if (next === null) return { operations: found, next: null, missing: [...missing] };
    }
    const operations = found.slice(0, params.limit);
    return {
      operations,
      next: found.length > operations.length ? operations.at(-1)!.id : before,
      missing: [...missing],
    };
  }

  #requireRequest({ request }: StartOperation): void {
    const group = groupOfRequest(request, this.inner.current().view);
    if (group !== null && this.scope.has(group)) return;
    throw 'group' in request ? unknown('group', request.group) : unknown('node', request.node);
  }

  #requireNode(node: string): void {
    if (!this.scope.has(groupOfNode(node, this.inner.current().view) ?? '')) throw unknown('node', node);
  }

  #shows(item: EventItem): boolean {
    return item.kind === 'gap' || eventInScope(item.event, this.inner.current().view, this.scope);
  }
}

function same<T>(result: T): T {
  return result;
}

function refuse(what: string): () => Promise<never> {
  return async () => {
    throw clusterWide(what);
  };
}

function unknown(what: 'group' | 'node' | 'operation', id: string): ClusterError {
  const codes = { group: 'CLU_GROUP_NOT_FOUND', node: 'CLU_NODE_NOT_FOUND', operation: undefined } as const;
  return new ClusterError('NOT_FOUND', `No ${what} ${id}`, { clusterCode: codes[what] });
}

function scopeRuntime(runtime: RuntimeInfo, scope: GroupScope, view: ClusterView): RuntimeInfo {
  const ids = new Set(view.nodes.map((one) => one.record.id));
  const { router, stopped } = runtime;
  return {
    ...(stopped === undefined ? {} : { stopped: stopped.filter((one) => ids.has(one.node)) }),
    router: router === null ? null : { ...router, services: router.services.filter((one) => scope.has(one.group)) },
  };
}

function scopeRouter(status: RouterStatus, scope: GroupScope): RouterStatus {
  const services = status.services.filter((one) => scope.has(one.group));
  const names = new Set(services.map((one) => one.service));
  return { ...status, services, clients: status.clients.filter((one) => names.has(one.service)) };
}
