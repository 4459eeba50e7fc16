/** Turns what changed between two looks into events: status, lag, quorum, leader, failover and operation events of the wire contract. */
import { type EventLog, eventId } from '../monitoring/event-log';
import type { EngineEvent, HealthTransition } from '../monitoring/model';
import type { Operation, OperationStep } from '../operations/model';
import type { EngineParams } from '../runtime/engine-api';
import type { Problem } from './model';
import type { ViewChange } from './view-cache';

export class ControllerEvents {
  #term = 0;
  #transitions = 0;

  constructor(
    private readonly log: EventLog,
    private readonly nowMs: () => number,
    private readonly remember: (entries: readonly HealthTransition[]) => void = () => undefined,
  ) {}

  /** Ids of what changes from now on. */
  beginTerm(term: number): void {
    if (term === this.#term) return;
    this.#term = term;
    this.#transitions = 0;
  }

  viewChanged(change: ViewChange): void {
    const transitions: HealthTransition[] = [];
    for (const { node, before } of change.statuses) {
      const to = node.status;
      if (before) {
        transitions.push(
          this.#transition({
            node: node.record.id,
            group: node.record.group,
            from: before.status,
            to,
            reason: node.statusReason,
          }),
        );
      }
      this.#emit('clustering', 'node_health_change', {
        source: `node:${node.record.id}`,
        severity: to === 'unhealthy' ? 'error' : to === 'degraded' ? 'warning' : 'info',
        payload: {
          node_id: node.record.id,
          group: node.record.group,
          from: before?.status ?? null,
          to,
          reason: node.statusReason,
        },
      });
      if (node.role === 'standby') {
        this.#emit('replication', 'replica_status_change', {
          source: `replica:${node.record.id}`,
          severity: to === 'unhealthy' || to === 'degraded' ? 'warning' : 'info',
          payload: { replica_id: node.record.id, group: node.record.group, from: before?.status ?? null, to },
        });
      }
    }
    for (const { view, before } of change.groups) {
      if (!before || before.writable === view.writable) continue;
      transitions.push(
        this.#transition({
          node: null,
          group: view.record.name,
          from: before.writable ? 'writable' : 'not writable',
          to: view.writable ? 'writable' : 'not writable',
          reason: view.sentence,
        }),
      );
    }
    if (transitions.length > 0) this.remember(transitions);
    for (const problem of change.begun) this.#problem(problem, true);
    for (const problem of change.ended) this.#problem(problem, false);
  }

  nodeJoined(id: string, group: string): void {
    this.#emit('clustering', 'node_joined', {
      source: `node:${id}`,
      severity: 'info',
      payload: { node_id: id, group },
    });
  }
  nodeLeft(id: string, group: string): void {
    this.#emit('clustering', 'node_left', {
      source: `node:${id}`,
      severity: 'warning',
      payload: { node_id: id, group },
    });
  }
  leaderElected(leader: string, term: number): void {
    this.#emit('clustering', 'leader_elected', { source: 'cluster:raft', severity: 'info', payload: { leader, term } });
  }
  leaderSteppedDown(leader: string, term: number): void {
    this.#emit('clustering', 'leader_stepped_down', {
      source: 'cluster:raft',
      severity: 'warning',
      payload: { leader, term },
    });
  }

  operationScheduled(operation: Operation): void {
    this.#operation(operation, 'operation_scheduled', 'info', { scheduled_at: operation.scheduledAt });
  }
  operationStarted(operation: Operation): void {
    this.#operation(operation, 'operation_started', 'info');
    if (operation.request.kind === 'failover')
      this.#failover(operation, 'failover_initiated', isPlanned(operation) ? 'info' : 'warning');
  }
  operationStepped(operation: Operation, step: OperationStep): void {
    this.#operation(operation, 'operation_step', step.state === 'failed' ? 'warning' : 'info', {
      step: step.name,
      step_state: step.state,
      title: step.title,
      attempt: step.attempt,
      step_node: step.node ?? null,
      // Of an earlier attempt while this one runs.
      step_detail: step.state === 'running' ? null : step.detail,
    });
  }
  operationEnded(operation: Operation): void {
    const good = operation.state === 'succeeded';
    const cancelled = operation.state === 'cancelled';
    const type = good ? 'operation_completed' : cancelled ? 'operation_cancelled' : 'operation_failed';
    this.#operation(operation, type, good || cancelled ? 'info' : 'error', { error: operation.error?.message ?? null });
  }
  /** Of one that had begun. */
  operationFinished(operation: Operation): void {
    this.operationEnded(operation);
    const good = operation.state === 'succeeded';
    if (operation.request.kind !== 'failover') return;
    this.#failover(operation, good ? 'failover_completed' : 'failover_failed', good ? 'info' : 'critical');
  }

  /** Without a group: for admins of the whole cluster, as the audit log is. */
  audited({ writer, entries, leftOut }: EngineParams<'audit.tell'>): void {
    entries.forEach((entry, index) => {
      this.#emit('audit', 'audit_recorded', {
        source: `audit:${writer}`,
        severity: entry.outcome === 'succeeded' ? 'info' : 'warning',
        payload: {
          actor: entry.actor,
          role: entry.role,
          procedure: entry.procedure,
          outcome: entry.outcome,
          code: entry.code,
          operation_id: entry.operationId,
          request_id: entry.requestId,
          surface: entry.surface,
          recorded_at: entry.at,
          audit_sequence: entry.sequence,
          audit_writer: writer,
          ...(index === 0 && leftOut > 0 ? { left_out: leftOut } : {}),
        },
      });
    });
  }

  #failover(operation: Operation, eventType: string, severity: EngineEvent['severity']): void {
    this.#emit('clustering', eventType, { source: 'cluster:failover', severity, payload: operationPayload(operation) });
  }

  #operation(
    operation: Operation,
    eventType: string,
    severity: EngineEvent['severity'],
    extra: Readonly<Record<string, unknown>> = {},
  ): void {
    const source = `operation:${operation.id}`;
    this.#emit('operation', eventType, { source, severity, payload: { ...operationPayload(operation), ...extra } });
  }

  #problem(problem: Problem, begun: boolean): void {
    const severity = begun ? (problem.severity === 'critical' ? 'critical' : problem.severity) : 'info';
    const { rule, node, group, sentence, remedy, since } = problem;
    const payload = { rule, node_id: node, group, sentence, remedy, since, state: begun ? 'begun' : 'ended' };
    if (rule === 'standby-lag') {
      this.#emit('replication', 'replication_lag_alert', { source: `replica:${node}`, severity, payload });
    } else if (rule === 'control-quorum-lost') {
      this.#emit('clustering', begun ? 'quorum_lost' : 'quorum_restored', {
        source: 'cluster:raft',
        severity,
        payload,
      });
    } else {
      const source = node === null ? `group:${group}` : `node:${node}`;
      this.#emit('alert', begun ? 'problem_begun' : 'problem_ended', { source, severity, payload });
    }
  }

  #transition(entry: Omit<HealthTransition, 'id' | 'at'>): HealthTransition {
    this.#transitions++;
    return { id: eventId(this.#term, this.#transitions), at: new Date(this.nowMs()).toISOString(), ...entry };
  }

  #emit(
    category: EngineEvent['category'],
    eventType: string,
    rest: Pick<EngineEvent, 'source' | 'severity' | 'payload'>,
  ): void {
    this.log.emit({ category, eventType, ...rest });
  }
}

function isPlanned({ request }: Operation): boolean {
  return request.kind === 'failover' && request.mode === 'switchover' && request.automatic === undefined;
}

function operationPayload(operation: Operation): Readonly<Record<string, unknown>> {
  return {
    operation_id: operation.id,
    kind: operation.kind,
    group: operation.group,
    node_id: 'node' in operation.request ? operation.request.node : null,
    state: operation.state,
    chosen: operation.chosen ?? null,
    requested_by: operation.requestedBy,
    result: operation.result,
  };
}
