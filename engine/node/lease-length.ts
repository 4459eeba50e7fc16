/** Brings the lease of a serving holder to the configured length, one action per cycle; the order is the core's (core/lease-length.ts). */
import type { GroupRecord } from '../cluster/model';
import { nextLengthAction } from './core/lease-length';
import { changeOwnGroup } from './group-transaction';
import type { LeaseHolder } from './lease-holder';
import { clusterConfig, groupFact, type NodeContext } from './node-context';

export class LeaseLength {
  #epoch = 0;
  #counted = 0;
  #countedSince = 0;

  constructor(
    private readonly context: NodeContext,
    private readonly lease: LeaseHolder,
  ) {}

  /** By what a holder that resumes counts: never by more than an earlier life of it had begun to count by. */
  lengthToResume(record: GroupRecord): number | undefined {
    const recorded = record.leaseMs ?? clusterConfig(this.context)?.leaseMs;
    const { countedLeaseMs } = this.context.durable.current;
    if (recorded === undefined) return countedLeaseMs;
    return Math.min(recorded, countedLeaseMs ?? recorded);
  }

  async cycle(): Promise<void> {
    const { loop, durable, logger, config } = this.context;
    const record = groupFact(this.context)?.record;
    const configured = clusterConfig(this.context)?.leaseMs;
    if (!record || configured === undefined || record.primary !== config.nodeId) return;
    if (!this.lease.holds(record.epoch)) return;
    const counted = this.lease.state.budget.leaseMs;
    if (this.#epoch !== record.epoch || this.#counted !== counted) {
      this.#epoch = record.epoch;
      this.#counted = counted;
      this.#countedSince = loop.now();
    }
    const recorded = record.leaseMs ?? null;
    const input = { recorded, configured, counted, countedSince: this.#countedSince, now: loop.now() };
    const action = nextLengthAction(input);
    // A shorter length that was asked for and did not count yet, and is wanted no more.
    if (action.kind !== 'use' && this.lease.state.wantedMs !== counted) {
      this.lease.input({ kind: 'use-length', leaseMs: counted });
    }
    switch (action.kind) {
      case 'settled':
      case 'wait':
        return;
      case 'use':
        durable.saveLengths({ countedLeaseMs: action.leaseMs });
        this.lease.input({ kind: 'use-length', leaseMs: action.leaseMs });
        return;
      case 'write':
        logger.info({ from: recorded, to: action.leaseMs }, 'the record gets another length of the lease');
        await changeOwnGroup(this.context, record.epoch, (found) => {
          const same = (found.leaseMs ?? null) === recorded;
          // Read again: what the wish was may have changed while the read waited.
          return same && clusterConfig(this.context)?.leaseMs === configured
            ? { ...found, leaseMs: action.leaseMs }
            : null;
        });
        return;
    }
  }
}
