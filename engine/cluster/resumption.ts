/**
 * Goes on with what a former leader began and did not end. An operation with steps of a kind that this release does not know is left to a member of a
 * newer release while there is one: it is asked to lead. Invariant: such an operation is not waited for without end; then the executor ends it.
 */
import type { EmbeddedControlStore } from '../control/store';
import { messageOf } from '../kernel/errors';
import type { NodeId, OperationId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { announcedLevel, ownLevel } from '../kernel/release';
import { isFresh } from '../operations/core/snapshot';
import { unknownAhead } from '../operations/core/unknown-steps';
import type { OperationExecutor } from '../operations/executor';
import type { ClusterState } from './cluster-state';

export type ResumptionDeps = {
  readonly self: NodeId;
  readonly store: Pick<EmbeddedControlStore, 'status' | 'transferLeadership'>;
  readonly state: Pick<ClusterState, 'operations' | 'nodeIds' | 'node' | 'config'>;
  readonly executor: Pick<OperationExecutor, 'isRunning' | 'begin'>;
  readonly logger: Logger;
  readonly nowMs: () => number;
};

/** So long a member of a newer release is asked to lead, counted from when this leader saw the operation. */
const leftForMs = 20_000;
const askEveryMs = 5_000;

export class Resumption {
  readonly #seenAt = new Map<OperationId, number>();
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly deps: ResumptionDeps) {}

  run(): void {
    const { state, executor, logger } = this.deps;
    for (const { operation, modRevision } of state.operations()) {
      if (operation.state !== 'running' || executor.isRunning(operation.id)) continue;
      if (unknownAhead(operation) !== null && this.#leaveToNewer(operation.id)) continue;
      this.#seenAt.delete(operation.id);
      logger.info({ operation: operation.id, kind: operation.kind }, 'resuming an operation');
      executor.begin(operation, modRevision).catch((error: unknown) => {
        logger.warn({ operation: operation.id, error: messageOf(error) }, 'resume failed');
      });
    }
  }

  /** Another leader may have ended or changed what this one saw. */
  forget(): void {
    this.#seenAt.clear();
  }

  #leaveToNewer(id: OperationId): boolean {
    const now = this.deps.nowMs();
    const seenAt = this.#seenAt.get(id) ?? now;
    this.#seenAt.set(id, seenAt);
    const newer = this.#newerVoter();
    if (newer === null || now - seenAt > leftForMs) return false;
    if (now - this.#askedAt < askEveryMs) return true;
    this.#askedAt = now;
    const about = { operation: id, node: newer };
    this.deps.logger.warn(about, 'the operation has steps of a newer release: a node of that release is asked to lead');
    this.deps.store.transferLeadership(newer).catch((error: unknown) => {
      this.deps.logger.warn({ ...about, error: messageOf(error) }, 'it does not lead');
    });
    return true;
  }

  #newerVoter(): NodeId | null {
    const { store, state, self } = this.deps;
    const voters = store.status().configuration.voters.map(({ id }) => id);
    const newer = voters.filter((id) => {
      const node = id === self ? undefined : state.node(id);
      if (!node || !isFresh(node, state.config.leaseMs)) return false;
      return announcedLevel(node.report) > ownLevel;
    });
    return newer.sort()[0] ?? null;
  }
}
