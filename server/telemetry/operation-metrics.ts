/**
 * Counts what ends and what changes while this console runs, from the event stream: operations and their steps, failovers, leaders. Like every
 * counter it begins at 0 with the process, and stands there from the first scrape on: of a series that is born at 1 Prometheus sees no increase, and no rule
 * the first failure. What happened before, or in a gap of the stream, is not made up.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Logger } from '@/engine/kernel/log';
import type { EngineEvent } from '@/engine/monitoring/model';
import { pauseMsOf } from '@/engine/operations/core/incident';
import { operationKinds } from '@/engine/operations/core/operation-kinds';
import type { Operation } from '@/engine/operations/model';
import type { EngineClient } from '@/server/engine-client/api';

const buckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const endings: ReadonlySet<string> = new Set(['operation_completed', 'operation_failed', 'operation_cancelled']);
/** Asked for at the same time; what ends beyond that is counted without its durations. */
const maxAsked = 32;

const outcomes = ['succeeded', 'failed', 'cancelled', 'compensated'] as const;
const triggers = ['automatic', 'switchover', 'failover'] as const;

export class OperationMetrics {
  readonly #leaderChanges: Counter;
  readonly #operations: Counter<'kind' | 'outcome'>;
  readonly #failovers: Counter<'group' | 'trigger' | 'outcome'>;
  readonly #durations: Histogram<'kind' | 'outcome'>;
  readonly #steps: Histogram<'kind' | 'step' | 'outcome'>;
  readonly #pauses: Histogram<'group' | 'trigger'>;
  readonly #since = Date.now();
  /** Groups whose series stand at 0 already. */
  readonly #groups = new Set<string>();
  #asked = 0;

  constructor(
    registry: Registry,
    private readonly engine: EngineClient,
    private readonly logger: Logger,
  ) {
    const registers = [registry];
    this.#leaderChanges = new Counter({
      name: 'rustydb_raft_leader_changes_total',
      help: 'Leaders of the control store that were elected',
      registers,
    });
    this.#operations = new Counter({
      name: 'rustydb_operations_total',
      help: 'Operations that ended',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    for (const kind of operationKinds) for (const outcome of outcomes) this.#operations.inc({ kind, outcome }, 0);
    this.#failovers = new Counter({
      name: 'rustydb_failovers_total',
      help: 'Changes of primary that ended',
      labelNames: ['group', 'trigger', 'outcome'],
      registers,
      collect: () => this.#beginGroups(),
    });
    this.#durations = new Histogram({
      name: 'rustydb_operation_duration_seconds',
      help: 'From the first step of an operation to its end',
      labelNames: ['kind', 'outcome'],
      buckets,
      registers,
    });
    this.#steps = new Histogram({
      name: 'rustydb_operation_step_duration_seconds',
      help: 'Duration of a step, all its attempts',
      labelNames: ['kind', 'step', 'outcome'],
      buckets,
      registers,
    });
    this.#pauses = new Histogram({
      name: 'rustydb_failover_write_pause_seconds',
      help: 'For how long nobody took writes at a change of primary; only where it is known',
      labelNames: ['group', 'trigger'],
      buckets,
      registers,
    });
  }

  /** Returns how to stop. */
  start(): () => void {
    return this.engine.onEvent((item) => {
      if (item.kind === 'event') this.#take(item.event);
    });
  }

  #take(event: EngineEvent): void {
    // The stream begins with what is still buffered: that was before this process.
    if (Date.parse(event.timestamp) < this.#since) return;
    if (event.eventType === 'leader_elected') this.#leaderChanges.inc();
    if (!endings.has(event.eventType)) return;
    const { operation_id: id, kind, state } = event.payload;
    this.#operations.inc({ kind: String(kind), outcome: String(state) });
    void this.#measure(String(id));
  }

  #beginGroups(): void {
    for (const group of groupsOf(this.engine)) {
      if (this.#groups.has(group)) continue;
      this.#groups.add(group);
      for (const trigger of triggers)
        for (const outcome of outcomes) this.#failovers.inc({ group, trigger, outcome }, 0);
    }
  }

  async #measure(id: string): Promise<void> {
    if (this.#asked >= maxAsked) return;
    this.#asked++;
    try {
      const operation = await this.engine.leader('operation.get', { id });
      if (operation) this.#observe(operation);
    } catch (error) {
      this.logger.debug({ err: error, operation: id }, 'the durations of an operation are not counted');
    } finally {
      this.#asked--;
    }
  }

  #observe(operation: Operation): void {
    const { kind, state: outcome, steps, finishedAt } = operation;
    const begun = steps.flatMap((step) => step.startedAt ?? [])[0];
    if (begun && finishedAt) this.#durations.observe({ kind, outcome }, seconds(begun, finishedAt));
    for (const step of steps) {
      if (step.startedAt === null || step.finishedAt === null) continue;
      const labels = { kind, step: step.action ?? step.name, outcome: step.state };
      this.#steps.observe(labels, seconds(step.startedAt, step.finishedAt));
    }
    if (operation.request.kind !== 'failover') return;
    const { group, automatic } = operation.request;
    const trigger = automatic ? 'automatic' : operation.request.mode;
    this.#failovers.inc({ group, trigger, outcome });
    const pauseMs = pauseMsOf(operation);
    if (pauseMs !== null) this.#pauses.observe({ group, trigger }, pauseMs / 1000);
  }
}

/** None before a node has answered. */
function groupsOf(engine: EngineClient): readonly string[] {
  try {
    return engine.current().view.groups.map((group) => group.record.name);
  } catch {
    return [];
  }
}

function seconds(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
}
