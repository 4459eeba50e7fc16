/** What the leader answers of the engine's door besides operations: configuration, records, transfer of leadership, raw store access. */
import type { EmbeddedControlStore, Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import { pollUntil } from '../kernel/waiting';
import type { EngineParams, EngineResult } from '../runtime/engine-api';
import type { ClusterState } from './cluster-state';
import { changeConfig } from './core/config-change';
import { type ClusterConfig, type GroupRecord, keys, type NodeRecord } from './model';

const maxConflicts = 20;

export class LeaderMethods {
  constructor(
    private readonly store: EmbeddedControlStore,
    private readonly state: ClusterState,
    private readonly loop: Loop,
  ) {}

  async putConfig(params: EngineParams<'config.put'>): Promise<EngineResult<'config.put'>> {
    let adjusted: readonly string[] = [];
    const config = await this.#change<ClusterConfig>(keys.config, (current) => {
      const voters = this.store.status().configuration.voters.length;
      const change = changeConfig({ ...this.state.config, ...current }, params.patch, voters);
      if (!change.ok) {
        const names = change.reasons
          .map((reason) => `${reason.rule} is ${reason.measured}, allowed: ${reason.limit}`)
          .join('; ');
        throw new ClusterError('INVALID_INPUT', `The configuration can't be so: ${names}.`, {
          reasons: change.reasons,
        });
      }
      adjusted = change.adjusted;
      return change.config;
    });
    this.store.setTimings({
      heartbeatMs: config.heartbeatIntervalMs,
      electionMs: config.electionTimeoutMs,
      leaseMs: config.leaseMs,
    });
    if (params.patch.syncReplication !== undefined) await this.#setModes(params.patch.syncReplication);
    return { config, adjusted };
  }

  /** `sync_replication: false` is asynchronous for all groups; true brings asynchronous ones back to the default. */
  async #setModes(synchronous: boolean): Promise<void> {
    for (const name of [...this.state.groupNames()]) {
      await this.#change<GroupRecord>(keys.group(name), (record) => {
        if (!synchronous) return { ...record!, mode: 'asynchronous' };
        return record!.mode === 'asynchronous' ? { ...record!, mode: 'semi_synchronous' } : record!;
      });
    }
  }

  putGroup(params: EngineParams<'group.put'>): Promise<GroupRecord> {
    this.#mustHaveGroup(params.group);
    return this.#change<GroupRecord>(keys.group(params.group), (record) => {
      const next = { ...record!, ...params.patch };
      const pausedBy = next.automaticFailover ? null : (params.patch.automaticFailoverPausedBy ?? params.requester.by);
      return { ...next, automaticFailoverPausedBy: pausedBy };
    });
  }

  putNode(params: EngineParams<'node.put'>): Promise<NodeRecord> {
    const { priority } = params.patch;
    if (priority !== undefined && (!Number.isInteger(priority) || priority < 0 || priority > 1000)) {
      const reasons = [
        {
          rule: 'priority',
          measured: String(priority),
          limit: '0–1000',
          remedy: 'Give a whole number from 0 to 1000.',
        },
      ];
      throw new ClusterError('INVALID_INPUT', 'The priority must be a whole number from 0 to 1000.', { reasons });
    }
    this.#mustHaveNode(params.node);
    return this.#change<NodeRecord>(keys.node(params.node), (record) => ({ ...record!, ...params.patch }));
  }

  async transfer(to: NodeId): Promise<EngineResult<'raft.transfer'>> {
    const { configuration, id } = this.store.status();
    this.#mustHaveNode(to);
    if (!configuration.voters.some((voter) => voter.id === to)) {
      throw new ClusterError('CONFLICT', `${to} is no voter of the control store, so it can't lead it.`, {
        reasons: [{ rule: 'is-voter', measured: 'learner', limit: 'voter', remedy: 'Choose a voter.', node: to }],
      });
    }
    if (to !== id) {
      await this.store.transferLeadership(to);
      await pollUntil(this.loop, () => (this.store.status().leader === to ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 10,
        what: `${to} leads the control store`,
      });
    }
    return { leader: to, term: this.store.status().term };
  }

  async #change<T>(key: string, change: (current: T | null) => T): Promise<T> {
    for (let attempt = 0; attempt < maxConflicts; attempt++) {
      const entry = await this.store.get(key);
      const current = (entry?.value ?? null) as T | null;
      const next = change(current);
      if (entry && JSON.stringify(next) === JSON.stringify(current)) return next;
      const result = await this.store.txn({
        compare: [{ key, modRevision: entry?.modRevision ?? 0 }],
        mutations: [{ kind: 'put', key, value: next as unknown as Json }],
      });
      if (result.succeeded) return next;
    }
    throw new ClusterError('CONFLICT', `${key} kept changing; ask again.`, { clusterCode: 'CLU_REVISION_CONFLICT' });
  }

  #mustHaveGroup(name: GroupName): void {
    if (this.state.groupRecord(name) === null) {
      throw new ClusterError('NOT_FOUND', `There is no group ${name}.`, { clusterCode: 'CLU_GROUP_NOT_FOUND' });
    }
  }

  #mustHaveNode(id: NodeId): void {
    if (this.state.groupOf(id) === null) {
      throw new ClusterError('NOT_FOUND', `There is no node ${id}.`, { clusterCode: 'CLU_NODE_NOT_FOUND' });
    }
  }
}
