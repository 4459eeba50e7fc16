/** What the leader answers of the engine's door besides operations: configuration, records, transfer of leadership, raw store access. */
import type { EmbeddedControlStore, Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import { pollUntil } from '../kernel/waiting';
import type { EngineParams, EngineResult } from '../runtime/engine-api';
import type { ClusterState } from './cluster-state';
import { changeConfig } from './core/config-change';
import { inForce } from './core/level';
import { recordWithWantedMode } from './core/mode-change';
import { type ClusterConfig, type GroupRecord, keys, type LevelRecord, type NodeRecord } from './model';

const maxConflicts = 20;

export class LeaderMethods {
  constructor(
    private readonly store: EmbeddedControlStore,
    private readonly state: ClusterState,
    private readonly loop: Loop,
  ) {}

  async putConfig(params: EngineParams<'config.put'>): Promise<EngineResult<'config.put'>> {
    let adjusted: readonly string[] = [];
    // Before anything is written: a refused wish changes nothing.
    for (const name of this.state.groupNames()) wantedModeAfter(params, this.state.groupRecord(name), this.#level());
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
    for (const name of [...this.state.groupNames()]) {
      if (params.patch.syncReplication === undefined) break;
      await this.#change<GroupRecord>(keys.group(name), (record) => wantedModeAfter(params, record, this.#level())!);
    }
    return { config, adjusted };
  }

  putGroup(params: EngineParams<'group.put'>): Promise<GroupRecord> {
    this.#mustHaveGroup(params.group);
    return this.#change<GroupRecord>(keys.group(params.group), (record) => {
      const next = { ...record!, ...params.patch };
      const weaker = next.onNoStandby === 'degrade' && record!.onNoStandby === 'wait';
      if (weaker && !params.requester.admin) {
        throw new ClusterError(
          'FORBIDDEN',
          `Only an admin may let ${params.group} acknowledge writes while no standby has them.`,
        );
      }
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

  #level(): number {
    return inForce((this.store.localGet(keys.level)?.value ?? null) as LevelRecord | null);
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

/** `sync_replication: false` wants asynchronous for all groups; true brings those back to the default that are, or are to be, asynchronous. */
function wantedModeAfter(
  params: EngineParams<'config.put'>,
  record: GroupRecord | null,
  level: number,
): GroupRecord | null {
  const { syncReplication } = params.patch;
  if (record === null || syncReplication === undefined) return record;
  const consent = { admin: params.requester.admin, allowDataLoss: params.allowDataLoss === true, level };
  if (!syncReplication) return recordWithWantedMode(record, 'asynchronous', consent);
  const asynchronous = (record.wantedMode ?? record.mode) === 'asynchronous';
  if (!asynchronous) return record;
  return recordWithWantedMode(record, record.mode === 'asynchronous' ? 'semi_synchronous' : record.mode, consent);
}
