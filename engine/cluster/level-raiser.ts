/** The leader's part in raising the cluster's level: gathers who runs what, lets the core decide, writes by compare-and-swap. One step per run. */
import type { EmbeddedControlStore, Json } from '../control/store';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { ownLevel, release } from '../kernel/release';
import { isFresh } from '../operations/core/snapshot';
import type { ClusterState } from './cluster-state';
import { decideLevel, inForce, type LevelMember, recordAfter } from './core/level';
import { keys, type LevelRecord } from './model';

export class LevelRaiser {
  #busy = false;
  #waitsFor: readonly string[] = [];

  constructor(
    private readonly deps: {
      readonly store: EmbeddedControlStore;
      readonly state: Pick<ClusterState, 'nodeIds' | 'node' | 'config'>;
      readonly logger: Logger;
      nowMs(): number;
    },
  ) {}

  /** Why the level of this release is not in force yet. */
  get waitsFor(): readonly string[] {
    return this.#waitsFor;
  }

  async run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#step();
    } finally {
      this.#busy = false;
    }
  }

  async #step(): Promise<void> {
    const { store, logger } = this.deps;
    const local = store.localGet(keys.level);
    if (inForce((local?.value ?? null) as LevelRecord | null) >= ownLevel) {
      this.#waitsFor = [];
      return;
    }
    const entry = await store.get(keys.level);
    const record = (entry?.value ?? null) as LevelRecord | null;
    const decision = decideLevel(record, ownLevel, this.#members());
    if (decision.kind === 'none') {
      this.#waitsFor = decision.waitsFor;
      return;
    }
    const next = recordAfter(record, decision, { release, at: new Date(this.deps.nowMs()).toISOString() });
    const result = await store.txn({
      compare: [{ key: keys.level, modRevision: entry?.modRevision ?? 0 }],
      mutations: [{ kind: 'put', key: keys.level, value: next as unknown as Json }],
    });
    if (!result.succeeded) return;
    logger.info(
      { level: decision.level },
      decision.kind === 'seal'
        ? 'every process understands the next level: directories are sealed against older releases'
        : 'the level of the cluster rose',
    );
  }

  #members(): readonly LevelMember[] {
    const { state } = this.deps;
    return [...state.nodeIds()].flatMap((id: NodeId): readonly LevelMember[] => {
      const node = state.node(id);
      if (!node) return [];
      const { report } = node;
      const own: LevelMember = {
        name: id,
        kind: 'node',
        fresh: isFresh(node, state.config.leaseMs),
        release: report?.release,
        level: report?.level,
        sealed: report?.sealedLevel,
      };
      const clients = (report?.clients ?? []).map(
        ({ kind, release: of, level }): LevelMember => ({
          name: `a ${kind} at ${id}`,
          kind: 'client',
          fresh: true,
          release: of,
          level,
        }),
      );
      return [own, ...clients];
    });
  }
}
