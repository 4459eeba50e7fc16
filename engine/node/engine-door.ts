/**
 * The engine's door on this node: answers requests of consoles, routers and the launcher, forwards leader requests once to the leader, and serves
 * the view, event and route streams. Everything a client may ask is in EngineRequests; nothing else is served.
 */
import type { ClusterController, LeaderMethod } from '../cluster/controller-api';
import type { ClusterView } from '../cluster/model';
import { viewDelta } from '../cluster/view-delta';
import type { Interconnect } from '../interconnect/api';
import type { FaultDoor } from '../interconnect/fault-door';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { answerTraced } from '../kernel/traced-request';
import { settingsChecks } from '../operations/core/settings-checks';
import type {
  CoreRequests,
  EngineParams,
  EngineResult,
  Requester,
  RouterStatus,
  RuntimeInfo,
  ViewItem,
} from '../runtime/engine-api';
import type { AgentArea } from './area';
import type { NodeContext } from './node-context';
import type { Resources } from './resource-sampler';
import type { RouteTable } from './route-table';
import { serverDown } from './server-down';

const forwardTimeoutMs = 60_000;
const viewPushMs = 250;

type NodeMethod = Exclude<keyof CoreRequests, LeaderMethod>;

/** Compile-time list of all leader methods: a new one that is not named here does not compile. */
const leaderMethods: Readonly<Record<LeaderMethod, true>> = {
  'view.get': true,
  'operation.plan': true,
  'operation.start': true,
  'operation.cancel': true,
  'operation.get': true,
  'operation.list': true,
  'config.put': true,
  'group.put': true,
  'node.put': true,
  'raft.transfer': true,
  'health.history': true,
  'audit.tell': true,
  'store.get': true,
  'store.list': true,
  'store.txn': true,
};

export type EngineDoorOptions = {
  readonly areas: readonly AgentArea[];
  readonly context: NodeContext;
  readonly controller: ClusterController;
  readonly routes: RouteTable;
  readonly resources: Resources;
  readonly faults: Pick<FaultDoor, 'faults' | 'set'>;
};

export class EngineDoor {
  #runtime: RuntimeInfo = { router: null };
  #router: RouterStatus | null = null;
  #routerAt = 0;

  constructor(private readonly options: EngineDoorOptions) {
    const { interconnect } = options.context;
    for (const method of Object.keys(leaderMethods) as LeaderMethod[]) this.#serveLeader(interconnect, method);
    const ofAreas = options.areas.map(({ requests }) => requests);
    for (const [method, handler] of Object.entries(Object.assign({}, this.#nodeHandlers, ...ofAreas))) {
      interconnect.onRequest(`engine.${method}`, (payload) =>
        answerTraced(method, payload, (params) => {
          this.#note(method, params);
          return (handler as (params: unknown) => Promise<unknown>)(params).catch((error: unknown) => {
            throw serverDown(options.context.config.nodeId, error);
          });
        }),
      );
    }
    interconnect.onStream('engine.view.stream', (_payload, _from, push, signal, end) => {
      this.#whileLeading(signal, end);
      this.#streamView(push, signal);
    });
    interconnect.onStream('engine.event.stream', (payload, _from, push, signal, end) => {
      this.#whileLeading(signal, end);
      this.#streamEvents(payload as { after: string | null }, push, signal);
    });
    interconnect.onStream('engine.route.stream', (_payload, _from, push, signal) => {
      const unsubscribe = options.routes.onChange((hint) => push(hint));
      signal.addEventListener('abort', unsubscribe, { once: true });
    });
  }

  #serveLeader<M extends LeaderMethod>(interconnect: Interconnect, method: M): void {
    const answer = (payload: unknown) =>
      answerTraced(method, payload, (params) => {
        this.#note(method, params);
        return this.options.controller.handle(method, params as EngineParams<M>);
      });
    interconnect.onRequest(`engine.${method}`, (payload) =>
      this.options.context.store.isLeader() ? answer(payload) : this.#forward(method, payload),
    );
    interconnect.onRequest(`engine-forwarded.${method}`, (payload, from) => {
      if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'Only nodes forward requests.');
      return answer(payload);
    });
  }

  /** Whatever somebody wants changed leaves a line under the id of their request. */
  #note(method: string, params: unknown): void {
    const requester = (params as { readonly requester?: Requester } | null)?.requester;
    if (!requester || method === 'operation.plan') return;
    const { by, requestId } = requester;
    this.options.context.logger.info({ method, by, requestId: requestId ?? undefined }, 'asked to change something');
  }

  async #forward<M extends LeaderMethod>(method: M, payload: unknown): Promise<EngineResult<M>> {
    const leader = this.#leader();
    return this.options.context.interconnect.request<EngineResult<M>>(leader, `engine-forwarded.${method}`, payload, {
      timeoutMs: forwardTimeoutMs,
    });
  }

  #leader(): NodeId {
    const status = this.options.context.store.status();
    if (status.leader === null || status.leader === this.options.context.config.nodeId) {
      throw new ClusterError('UNAVAILABLE', 'The control store has no leader right now.', {
        clusterCode: status.hasQuorum ? 'CLU_NOT_LEADER' : 'CLU_NO_QUORUM',
      });
    }
    return status.leader;
  }

  readonly #nodeHandlers: { readonly [M in NodeMethod]: (params: EngineParams<M>) => Promise<EngineResult<M>> } = {
    'store.localList': async ({ prefix }) => {
      const { store } = this.options.context;
      return { entries: store.localList(prefix), ageMs: finite(store.localState().ageMs) };
    },
    'operation.archived': (params) => this.options.controller.archived(params),
    'health.kept': (params) => this.options.controller.keptHealth(params),
    'view.local': async () => this.options.controller.view(),
    'raft.status': async () => this.options.context.store.status(),
    'raft.log': async ({ limit, before }) => this.options.context.store.recentLog(Math.min(2000, limit), before),
    'node.sessions': (page) => this.options.context.postgres.sessions(page),
    'node.session.end': async ({ pid, mode }) => {
      const sessions = await this.options.context.postgres.sessions();
      const session = sessions.find((one) => one.pid === pid);
      if (!session)
        throw new ClusterError(
          'NOT_FOUND',
          `There is no session with pid ${pid} on ${this.options.context.config.nodeId}.`,
        );
      // A backend that waits for a standby is never cancelled: its client would be told "committed" without the standby.
      const waits = session.waitEventType === 'IPC' && session.waitEvent === 'SyncRep';
      const ended = await this.options.context.postgres.endSession(pid, waits ? 'terminate' : mode);
      return {
        ended,
        reasons:
          waits && mode === 'cancel'
            ? [
                {
                  rule: 'waits-for-standby',
                  measured: 'SyncRep',
                  limit: null,
                  remedy:
                    'The session was terminated instead of cancelled: a cancelled wait would report a commit that no standby has.',
                },
              ]
            : [],
      };
    },
    'node.logs': (params) => this.options.context.postgres.logs({ ...params, limit: Math.min(2000, params.limit) }),
    'node.settings': () => this.options.context.postgres.settings(),
    'node.resources': async ({ minutes }) => this.options.resources.recent(minutes),
    'node.wal': () => this.options.context.postgres.wal(),
    'node.settings.check': async ({ settings }) => {
      // A trial loads libraries: what no plan would allow is not tried, whoever asks.
      const refused = settingsChecks(settings, null).find((one) => !one.ok && one.severity === 'blocker');
      if (refused) throw new ClusterError('INVALID_INPUT', refused.remedy ?? refused.rule);
      return this.options.context.postgres.checkSettings(settings);
    },
    'node.unlogged': async () => (await this.options.context.postgres.unloggedTables?.()) ?? [],
    'node.slots': () => this.options.context.postgres.slots(),
    'node.wal.switch': async () => ({ lsn: await this.options.context.postgres.switchWal() }),
    'node.replay': async ({ paused }) => {
      await this.options.context.postgres.setReplayPaused(paused);
      return { paused };
    },
    'node.links': async () => this.options.context.interconnect.linkStatus(),
    'node.faults': async () => this.options.faults.faults(),
    'node.faults.set': async ({ faults, requester }) => this.options.faults.set(faults, requester.by),
    'node.route': async ({ group }) => this.options.routes.answer(group),
    'runtime.put': async (info) => {
      this.#runtime = info;
      this.options.controller.noteStopped?.(info.stopped ?? []);
      return {};
    },
    'runtime.get': async () => this.#runtime,
    'router.status': async (status) => {
      this.#router = status;
      this.#routerAt = this.options.context.loop.now();
      return {};
    },
    'router.get': async () => (this.options.context.loop.now() - this.#routerAt < 10_000 ? this.#router : null),
  };

  /** Only the leader has a live view and all events: elsewhere a stream is refused, and it ends when the leadership does, so that the client goes on elsewhere. */
  #whileLeading(signal: AbortSignal, end: (error: ClusterError) => void): void {
    const { store } = this.options.context;
    if (!store.isLeader()) throw this.#notLeading();
    const unsubscribe = store.onLeadership((leading) => {
      if (!leading) end(this.#notLeading());
    });
    signal.addEventListener('abort', unsubscribe, { once: true });
  }

  #notLeading(): ClusterError {
    const { store, config } = this.options.context;
    const { leader } = store.status();
    return new ClusterError('UNAVAILABLE', 'This node does not lead the control store.', {
      clusterCode: 'CLU_NOT_LEADER',
      ...(leader === null || leader === config.nodeId ? {} : { extra: { leader } }),
    });
  }

  #streamView(push: (item: ViewItem) => boolean, signal: AbortSignal): void {
    const { controller } = this.options;
    let sent: ClusterView | null = null;
    let timer: Timer | null = null;
    const flush = () => {
      timer = null;
      if (signal.aborted) return;
      const next = controller.view();
      const item: ViewItem | null = sent === null ? { kind: 'full', view: next } : viewDelta(sent, next);
      sent = next;
      if (item) push(item);
    };
    void controller.settled().then(flush);
    const unsubscribe = controller.onViewChange(() => {
      if (sent !== null) timer ??= this.options.context.loop.after(viewPushMs, flush);
    });
    signal.addEventListener(
      'abort',
      () => {
        unsubscribe();
        timer?.cancel();
      },
      { once: true },
    );
  }

  #streamEvents({ after }: { after: string | null }, push: (item: unknown) => boolean, signal: AbortSignal): void {
    const { controller } = this.options;
    const { gap, events } = controller.events.since(after);
    if (gap) push({ kind: 'gap', ...gap });
    for (const event of events) push({ kind: 'event', event });
    const unsubscribe = controller.events.subscribe((event) => push({ kind: 'event', event }));
    signal.addEventListener('abort', unsubscribe, { once: true });
  }
}

/** JSON has no Infinity. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? ms : Number.MAX_SAFE_INTEGER;
}
