/**
 * What this node tells a router about its group: whether new sessions may come here, and for how long. Computed from the lease at the moment of
 * asking, right before the answer leaves; a router counts it from the moment it asked.
 */
import type { PostgresReport } from '../cluster/model';
import { ClusterError } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';
import type { RouteAnswer } from '../runtime/engine-api';
import type { LeaseHolder } from './lease-holder';
import { groupFact, type NodeContext, nodeRecord } from './node-context';

type Hint = { readonly group: GroupName; readonly node: NodeId; readonly epoch: number };

export type RouteTableOptions = {
  readonly context: NodeContext;
  readonly lease: LeaseHolder;
  readonly draining: () => boolean;
  /** The last report of PostgreSQL, at most a report interval old. */
  readonly report: () => PostgresReport | null;
  readonly lagBytes: () => number | null;
};

export class RouteTable {
  readonly #listeners = new Set<(hint: Hint) => void>();
  #promotedEpoch = 0;

  constructor(private readonly options: RouteTableOptions) {}

  onChange(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** PostgreSQL accepts writes under this epoch: read back, not assumed. */
  serves(epoch: number): void {
    this.#promotedEpoch = epoch;
    this.changed();
  }

  servesIfNew(epoch: number): void {
    if (this.#promotedEpoch !== epoch) this.serves(epoch);
  }

  stopsServing(): void {
    if (this.#promotedEpoch === 0) return;
    this.#promotedEpoch = 0;
    this.changed();
  }

  changed(): void {
    const { config } = this.options.context;
    const epoch = groupFact(this.options.context)?.record.epoch ?? 0;
    for (const listener of this.#listeners) listener({ group: config.group, node: config.nodeId, epoch });
  }

  answer(group: GroupName): RouteAnswer {
    const { context, lease } = this.options;
    const { config } = context;
    if (group !== config.group)
      throw new ClusterError('NOT_FOUND', `${config.nodeId} is not a member of ${group}.`, {
        clusterCode: 'CLU_GROUP_NOT_FOUND',
      });
    const record = groupFact(context)?.record;
    const own = nodeRecord(context, config.nodeId);
    const report = this.options.report();
    const held = lease.epoch;
    const primary =
      held !== null && held === record?.epoch && this.#promotedEpoch === held && record.primary === config.nodeId;
    const standby = !primary && report?.state === 'standby';
    return {
      group,
      node: config.nodeId,
      epoch: Math.max(record?.epoch ?? 0, held ?? 0),
      role: primary ? 'primary' : standby ? 'standby' : 'none',
      host: config.host,
      port: config.postgresPort,
      lagBytes: standby ? this.options.lagBytes() : 0,
      lagMs: standby ? (report?.replayLagMs ?? null) : 0,
      connections: report?.connections ?? 0,
      region: config.region,
      draining: this.options.draining() || (!primary && (own?.maintenance === true || own?.wanted === 'stopped')),
      remainingMs: primary ? lease.admitRemainingMs() : 0,
    };
  }
}
