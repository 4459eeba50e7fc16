/**
 * The node's end of a rehearsal: who asks tells this node itself under which faults it shall act, because an order through another node could neither
 * be answered from behind a partition nor end it. Links to consoles are never disturbed. Invariants: off unless rehearsal is enabled; every fault
 * has an end, so that none can be forgotten.
 */
import { ClusterError } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Fault, FaultInjector } from './api';
import { isActive } from './faults';

const maxFaults = 100;
const longestMs = 24 * 3_600_000;

export type FaultDoorOptions = {
  readonly interconnect: FaultInjector;
  /** The way of WAL, which passes a place where faults can act only while some do. */
  readonly wal: { beforeFaults(faults: readonly Fault[]): Promise<void>; applyFaults(): void };
  readonly rehearsalEnabled: boolean;
  readonly logger: Logger;
};

export class FaultDoor {
  #turn = 0;

  constructor(private readonly options: FaultDoorOptions) {}

  faults(): readonly Fault[] {
    return this.options.interconnect.faults();
  }

  /** Answers the faults that now act. @throws ClusterError FORBIDDEN, INVALID_INPUT */
  async set(faults: readonly Fault[], by: string | null): Promise<readonly Fault[]> {
    const { interconnect, wal, rehearsalEnabled, logger } = this.options;
    if (!rehearsalEnabled) {
      const remedy = 'Start with RUSTYDB_REHEARSAL=1; never on a cluster that matters.';
      throw new ClusterError('FORBIDDEN', 'Fault injection is off.', {
        reasons: [{ rule: 'rehearsal-enabled', measured: 'off', limit: 'on', remedy }],
      });
    }
    for (const fault of faults) check(fault);
    if (faults.length > maxFaults) throw new ClusterError('INVALID_INPUT', `more than ${maxFaults} faults`);
    const turn = ++this.#turn;
    await wal.beforeFaults(faults);
    // Whoever came later has the last word, also one that did not have to wait.
    if (turn !== this.#turn) return interconnect.faults();
    interconnect.setFaults(faults);
    wal.applyFaults();
    logger.warn({ faults, by }, faults.length === 0 ? 'injected faults removed' : 'faults injected');
    return interconnect.faults();
  }
}

function check(fault: Fault): void {
  const now = Date.now();
  if (fault.until === undefined || !isActive(fault, now) || isActive(fault, now + longestMs)) {
    throw new ClusterError('INVALID_INPUT', 'a fault needs an end (`until`) in the future, at most a day away');
  }
}
