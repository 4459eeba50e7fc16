/**
 * An engine client without an engine: answers from a recorded view and an in-memory store with real compare-and-swap. Stands behind the
 * same interface as the real one; what it cannot know it refuses.
 */
import type { ClusterView } from '@/engine/cluster/model';
import type { KeyValue, Txn, TxnResult } from '@/engine/control/store';
import type { Fault } from '@/engine/interconnect/api';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { Operation, OperationRequest } from '@/engine/operations/model';
import type { EngineMethod, EngineParams, EngineResult, StartOperation } from '@/engine/runtime/engine-api';
import type { CurrentView, EngineClient, EventItem } from '@/server/engine-client/api';
import { EventRing } from '@/server/engine-client/event-ring';
import {
  recordedHistory,
  recordedLinks,
  recordedLog,
  recordedRaftLog,
  recordedRouter,
  recordedSamples,
  recordedSessions,
} from './recorded-lists';
import { recordedSlots } from './recorded-slots';
import { recordedView } from './recorded-view';
import { recordedXa } from './recorded-xa';

type Answers = { [M in EngineMethod]?: (params: EngineParams<M>, node: string) => EngineResult<M> };

export class RecordedEngine implements EngineClient {
  view: ClusterView = recordedView();
  live = true;
  /** How much later than the answer to a change the view has it. */
  viewDelayMs = 0;
  /** Nodes that do not answer. */
  silentServers: readonly string[] = [];
  /** Nodes whose archives can't be read. */
  silentArchives: readonly string[] = [];
  /** Every request, for tests that look at what reached the engine. */
  readonly requests: { readonly method: string; readonly node: string; readonly params: unknown }[] = [];
  readonly #store = new Map<string, KeyValue>();
  readonly #faults = new Map<string, readonly Fault[]>();
  readonly #viewListeners = new Set<() => void>();
  readonly #eventListeners = new Set<(item: EventItem) => void>();
  readonly #ring = new EventRing();
  #revision = 1;
  #operationCount = 0;
  #eventCount = 0;

  current(): CurrentView {
    return { view: this.view, ageMs: 5, live: this.live };
  }

  get listeners(): number {
    return this.#viewListeners.size + this.#eventListeners.size;
  }

  change(change: (view: ClusterView) => Partial<ClusterView>): void {
    this.view = { ...this.view, ...change(this.view), revision: this.view.revision + 1, at: new Date().toISOString() };
    for (const listener of [...this.#viewListeners]) listener();
  }

  /** As a view comes to a console: after the answer to the change that it shows. */
  #changeLater(change: (view: ClusterView) => Partial<ClusterView>): void {
    if (this.viewDelayMs === 0) this.change(change);
    else setTimeout(() => this.change(change), this.viewDelayMs);
  }

  emit(event: Partial<EngineEvent>): EngineEvent {
    const full: EngineEvent = {
      eventId: `0000000001-${String(++this.#eventCount).padStart(12, '0')}`,
      category: 'clustering',
      eventType: 'node_health_change',
      severity: 'info',
      source: 'node:node-2',
      payload: {},
      timestamp: new Date().toISOString(),
      ...event,
    };
    const item: EventItem = { kind: 'event', event: full };
    this.#ring.push(item);
    for (const listener of [...this.#eventListeners]) listener(item);
    return full;
  }

  setEventFloor(id: string): void {
    this.#ring.setFloor(id);
  }

  finish(id: string, patch: Partial<Operation>): void {
    this.change((view) => ({
      operations: view.operations.map((one) =>
        one.id === id ? { ...one, finishedAt: new Date().toISOString(), ...patch } : one,
      ),
    }));
  }

  onView(callback: () => void): () => void {
    this.#viewListeners.add(callback);
    return () => this.#viewListeners.delete(callback);
  }

  eventsSince(after: string | null): readonly EventItem[] {
    return this.#ring.since(after);
  }

  onEvent(callback: (item: EventItem) => void): () => void {
    this.#eventListeners.add(callback);
    return () => this.#eventListeners.delete(callback);
  }

  connectedNodes(): readonly string[] {
    return this.view.nodes.slice(0, 5).map((node) => node.record.id);
  }

  leader<M extends EngineMethod>(method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    return this.#answer('leader', method, params);
  }

  node<M extends EngineMethod>(node: string, method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    return this.#answer(node, method, params);
  }

  anyNode<M extends EngineMethod>(method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    return this.#answer('node-1', method, params);
  }

  async #answer<M extends EngineMethod>(node: string, method: M, params: EngineParams<M>): Promise<EngineResult<M>> {
    // Goes along with each change, a moment later: what a call itself asked is what tests look at.
    if (method !== 'audit.tell') this.requests.push({ method, node, params });
    if (this.silentServers.includes(node)) throw new ClusterError('UNAVAILABLE', `${node} does not answer`);
    if (node === 'leader' && !this.view.raft.hasQuorum) {
      throw new ClusterError('UNAVAILABLE', 'no majority', { clusterCode: 'CLU_NO_QUORUM' });
    }
    const answer = this.#answers[method] as ((params: EngineParams<M>, node: string) => EngineResult<M>) | undefined;
    if (!answer) throw new ClusterError('UNAVAILABLE', `nothing is recorded for ${method}`);
    return structuredClone(answer(params, node));
  }

  readonly #answers: Answers = {
    'operation.plan': (start) => ({ ...this.#operation(start), state: 'planned' }),
    'operation.start': (start) => this.#start(start),
    'operation.get': ({ id }) => this.view.operations.find((one) => one.id === id) ?? null,
    'operation.list': ({ limit, before, group, kinds, states }) => {
      const found = [...this.view.operations]
        .reverse()
        .filter((one) => !before || one.id < before)
        .filter((one) => (!group || one.group === group) && (!kinds || kinds.includes(one.kind)))
        .filter((one) => !states || states.includes(one.state));
      const next = found.length > limit ? found[limit - 1]!.id : null;
      return { operations: found.slice(0, limit), next, missing: this.silentArchives };
    },
    'operation.cancel': ({ id }) => {
      const found = this.view.operations.find((one) => one.id === id);
      if (!found) throw new ClusterError('NOT_FOUND', `No operation ${id}`);
      return { ...found, state: 'cancelled' };
    },
    'config.put': ({ patch }) => {
      const config = { ...this.view.config, ...patch };
      this.#changeLater(() => ({ config }));
      return { config, adjusted: patch.heartbeatIntervalMs ? ['electionTimeoutMs'] : [] };
    },
    'group.put': ({ group, patch }) => {
      const record = { ...this.view.groups.find((one) => one.record.name === group)!.record, ...patch };
      this.#changeLater(({ groups }) => ({
        groups: groups.map((one) => (one.record.name === group ? { ...one, record } : one)),
      }));
      return record;
    },
    'node.put': ({ node, patch }) => {
      const record = { ...this.view.nodes.find((one) => one.record.id === node)!.record, ...patch };
      this.#changeLater(({ nodes }) => ({
        nodes: nodes.map((one) => (one.record.id === node ? { ...one, record } : one)),
      }));
      return record;
    },
    'raft.transfer': ({ to }) => ({ leader: to, term: 3 }),
    'health.history': (params) => recordedHistory(params),
    'health.kept': (params) => recordedHistory(params),
    'audit.tell': ({ writer, entries }) => {
      for (const { actor, procedure, outcome } of entries)
        this.emit({
          category: 'audit',
          eventType: 'audit_recorded',
          source: `audit:${writer}`,
          payload: { actor, procedure, outcome },
        });
      return {};
    },
    'store.get': ({ key }) => this.#store.get(key) ?? null,
    'store.list': ({ prefix }) => this.#list(prefix),
    'store.localList': ({ prefix }) => ({ entries: this.#list(prefix), ageMs: 10 }),
    'store.txn': (txn) => this.#txn(txn),
    'node.faults.set': ({ faults }, node) => {
      this.#faults.set(node, faults);
      return faults;
    },
    'raft.status': (_params, node) => {
      const { raft } = this.view;
      const { peers, configuration, term, leader, commitIndex, appliedIndex, hasQuorum, quorumSize } = raft;
      return {
        id: node,
        role: node === leader ? 'leader' : 'follower',
        term,
        leader,
        commitIndex,
        appliedIndex,
        lastIndex: commitIndex,
        snapshotIndex: 0,
        logBytes: 1000,
        stateBytes: 2000,
        configuration,
        peers,
        hasQuorum,
        quorumSize,
      };
    },
    'raft.log': (params) => recordedRaftLog(params),
    'node.sessions': (params) => recordedSessions(params),
    'node.session.end': ({ pid }) => ({ ended: pid === 12_345, reasons: [] }),
    'node.logs': (params) => recordedLog(params),
    'node.settings': () => [
      setting('wal_sender_timeout', '60000'),
      setting('max_wal_senders', '20'),
      setting('wal_keep_size', '160'),
      setting('archive_mode', 'off'),
      setting('archive_command', '(disabled)'),
    ],
    'node.resources': () => recordedSamples(),
    'node.wal': () => ({
      currentLsn: '0/5000000',
      timeline: 1,
      segmentsBytes: 80_000_000,
      slots: [{ name: 'node_2', active: true, restartLsn: '0/5000000', retainedBytes: 0, walStatus: 'reserved' }],
      archiver: { mode: 'off', lastArchivedWal: null, failedCount: 0 },
      conflicts: { tablespace: 0, lock: 1, snapshot: 2, bufferPin: 0, deadlock: 0, logicalSlot: 0, since: null },
    }),
    'node.unlogged': () => [],
    'node.slots': (_params, node) => recordedSlots(this.view, node),
    'node.wal.switch': () => ({ lsn: '0/6000000' }),
    'node.replay': ({ paused }) => ({ paused }),
    'node.links': (_params, node) =>
      recordedLinks(this.view.nodes.map((one) => one.record.id).filter((id) => id !== node)),
    'node.faults': (_params, node) => this.#faults.get(node) ?? [],
    'runtime.get': () => ({
      router: {
        host: '127.0.0.1',
        pid: 77,
        services: [
          { service: 'alpha-rw', group: 'alpha', kind: 'rw', host: '127.0.0.1', port: 6401 },
          { service: 'alpha-ro', group: 'alpha', kind: 'ro', host: '127.0.0.1', port: 6402 },
        ],
      },
    }),
    'router.get': () => recordedRouter(),
    ...recordedXa,
  };

  /** Puts a record into the control store. */
  remember(key: string, value: object): void {
    this.#txn({ compare: [], mutations: [{ kind: 'put', key, value: value as never }] });
  }

  #list(prefix: string): KeyValue[] {
    return [...this.#store.values()].filter((entry) => entry.key.startsWith(prefix));
  }

  #txn(txn: Txn): TxnResult {
    const current = txn.compare.flatMap(({ key }) => this.#store.get(key) ?? []);
    const holds = txn.compare.every(({ key, modRevision }) => (this.#store.get(key)?.modRevision ?? 0) === modRevision);
    if (!holds) return { succeeded: false, revision: this.#revision, current };
    this.#revision++;
    for (const mutation of txn.mutations) {
      if (mutation.kind === 'delete') this.#store.delete(mutation.key);
      else {
        const createRevision = this.#store.get(mutation.key)?.createRevision ?? this.#revision;
        const { key, value } = mutation;
        this.#store.set(key, { key, value, createRevision, modRevision: this.#revision });
      }
    }
    return { succeeded: true, revision: this.#revision, current };
  }

  #start(start: StartOperation): Operation {
    const planned = this.#operation(start);
    if (start.planHash !== null && start.planHash !== planned.planHash) {
      throw new ClusterError('PRECONDITION_FAILED', 'The plan changed', {
        clusterCode: 'CLU_PLAN_CHANGED',
        extra: { plan: planned },
      });
    }
    this.change((view) => ({ operations: [...view.operations, planned] }));
    return planned;
  }

  #operation({ request, requester }: StartOperation): Operation {
    const group = this.#guard(request);
    const standbys = this.view.nodes.filter((one) => one.record.group === group && one.role === 'standby');
    const standby = standbys[0]?.record.id ?? 'node-2';
    return {
      id: `019a0000-0000-7000-8000-${String(++this.#operationCount).padStart(12, '0')}`,
      kind: request.kind,
      group,
      request,
      state: 'pending',
      requestedBy: requester.by,
      reason: requester.reason,
      requestId: requester.requestId,
      createdAt: new Date().toISOString(),
      finishedAt: null,
      scheduledAt: null,
      planHash: `hash-of-${request.kind}`,
      steps: [
        {
          name: 'check',
          title: 'Check the candidates',
          state: 'pending',
          startedAt: null,
          finishedAt: null,
          deadlineMs: 1000,
          cancellable: true,
          pointOfNoReturn: false,
          compensation: null,
          detail: null,
          attempt: 0,
          result: { internal: true },
        },
      ],
      checks: [
        { rule: 'lag', node: standby, ok: true, severity: 'info', measured: '0 bytes', limit: '16 MB', remedy: null },
      ],
      candidates: [{ node: standby, eligible: true, rank: 1, lagBytes: 0, checks: [] }],
      expectedPauseMs: 300,
      bytesAtRisk: 0,
      timeline: [],
      summary: [],
      result: null,
      error: null,
    };
  }

  #guard(request: OperationRequest): string | null {
    const name =
      'group' in request ? request.group : this.view.nodes.find((one) => one.record.id === request.node)?.record.group;
    const group = this.view.groups.find((one) => one.record.name === name);
    if (request.expectedEpoch !== undefined && group && group.record.epoch !== request.expectedEpoch) {
      throw new ClusterError('PRECONDITION_FAILED', `${name} is at epoch ${group.record.epoch}`, {
        clusterCode: 'CLU_GUARD_MISMATCH',
        extra: { epoch: group.record.epoch, primary: group.record.primary },
      });
    }
    return name ?? null;
  }
}

function setting(name: string, value: string) {
  return {
    name,
    value,
    unit: null,
    category: 'Replication',
    description: name,
    context: 'sighup',
    type: 'string',
    source: 'default',
    bootValue: value,
    pendingRestart: false,
    managed: false,
  };
}
