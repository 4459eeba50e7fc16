/**
 * Housekeeping of the leader, a little each second: archive old operations, drop expired idempotency keys, take off group locks whose operation has
 * ended, keep the control store's members those of the records and its voters filled. Every run is bounded.
 */
import type { EmbeddedControlStore, Json } from '../control/store';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { isFresh } from '../operations/core/snapshot';
import { maxVoters } from '../operations/membership-steps';
import { isFinished } from '../operations/model';
import { type ArchiveRecord, OperationArchive } from '../operations/operation-archive';
import type { IdempotencyRecord } from '../operations/operation-service';
import type { ClusterState } from './cluster-state';
import { keys } from './model';

const idempotencySweepMs = 60_000;
const idempotencyPrefix = 'idempotency/';

export class Janitor {
  #sweptAtMs = 0;
  #busy = false;

  constructor(
    private readonly deps: {
      readonly self: NodeId;
      readonly store: EmbeddedControlStore;
      readonly state: ClusterState;
      readonly archive: OperationArchive;
      readonly logger: Logger;
      nowMs(): number;
    },
  ) {}

  async run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#freeLocks();
      await this.#archiveOld();
      await this.#dropExpiredKeys();
      if (!(await this.#replaceMembers())) await this.#fillVoters();
    } finally {
      this.#busy = false;
    }
  }

  /** A lock whose operation has ended or is gone would keep its group from ever failing over. */
  async #freeLocks(): Promise<void> {
    for (const name of this.deps.state.groupNames()) {
      const group = this.deps.state.groupRecord(name);
      if (!group?.operation) continue;
      const owner = this.deps.state.operation(group.operation)?.operation;
      if (owner && !isFinished(owner.state)) continue;
      const entry = await this.deps.store.get(keys.group(name));
      if (!entry || (entry.value as { operation?: Json }).operation !== group.operation) continue;
      await this.deps.store.txn({
        compare: [{ key: entry.key, modRevision: entry.modRevision }],
        mutations: [{ kind: 'put', key: entry.key, value: { ...(entry.value as object), operation: null } }],
      });
    }
  }

  async #archiveOld(): Promise<void> {
    const due = OperationArchive.due(this.deps.state.operations());
    if (due.length === 0) return;
    await this.deps.archive.append(due);
    const key = keys.operationArchive(this.deps.self);
    const before = (await this.deps.store.get(key))?.value as ArchiveRecord | undefined;
    const ids = due.map((operation) => operation.id).sort();
    // In one transaction with the deletions: what is archived is known to be, also while its node is away.
    const after: ArchiveRecord = { oldest: before?.oldest ?? ids[0]!, newest: ids.at(-1)! };
    await this.deps.store.txn({
      compare: [],
      mutations: [
        ...due.map((operation) => ({ kind: 'delete' as const, key: keys.operation(operation.id) })),
        { kind: 'put' as const, key, value: after },
      ],
    });
  }

  async #dropExpiredKeys(): Promise<void> {
    const now = this.deps.nowMs();
    if (now - this.#sweptAtMs < idempotencySweepMs) return;
    this.#sweptAtMs = now;
    const expired = this.deps.store
      .localList(idempotencyPrefix)
      .filter((entry) => (entry.value as unknown as IdempotencyRecord).expiresAtMs <= now)
      .slice(0, 100);
    if (expired.length === 0) return;
    await this.deps.store.txn({
      compare: expired.map((entry) => ({ key: entry.key, modRevision: entry.modRevision })),
      mutations: expired.map((entry) => ({ kind: 'delete' as const, key: entry.key })),
    });
  }

  /**
   * A node whose directory was wiped or moved away comes back in a new life. It registered itself, so its earlier life is over for good: that
   * member goes, the new one joins as a learner. One change per run; nodes that an operation adds or removes are left to it.
   */
  async #replaceMembers(): Promise<boolean> {
    const { configuration, hasQuorum } = this.deps.store.status();
    if (!hasQuorum) return false;
    const members = new Map([...configuration.voters, ...configuration.learners].map((member) => [member.id, member]));
    const busy = new Set(this.deps.state.unfinished().map(({ request }) => ('node' in request ? request.node : null)));
    for (const id of this.deps.state.nodeIds()) {
      const incarnation = this.deps.state.node(id)?.record.incarnation;
      const member = members.get(id);
      if (!incarnation || busy.has(id) || member?.incarnation === incarnation) continue;
      this.deps.logger.info(
        { node: id, incarnation },
        `${member ? 'leaves' : 'joins'} the control store: its directory is new`,
      );
      await (member ? this.deps.store.removeMember(id) : this.deps.store.addLearner({ id, incarnation }));
      return true;
    }
    return false;
  }

  /** After a voter was removed a learner that answers takes its place, one per run. */
  async #fillVoters(): Promise<void> {
    const { configuration, peers, hasQuorum } = this.deps.store.status();
    if (!hasQuorum || configuration.voters.length >= maxVoters) return;
    const ready = configuration.learners.find((learner) => {
      const node = this.deps.state.node(learner.id);
      const peer = peers.find((entry) => entry.id === learner.id);
      const sameLife = node?.record.incarnation === learner.incarnation;
      return node && sameLife && isFresh(node, this.deps.state.config.leaseMs) && peer?.state === 'replicate';
    });
    if (!ready) return;
    this.deps.logger.info({ node: ready.id }, 'a learner becomes a voter of the control store');
    await this.deps.store.promoteLearner(ready.id);
  }
}
