/**
 * The node's end of `faults.set`: the leader sends a node the faults that it shall act under. Invariants: off unless rehearsal is enabled;
 * only nodes may ask; every fault has an end, so that none can be forgotten.
 */
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Fault, FaultInjector, Interconnect } from './api';
import { isActive } from './faults';
import type { WalProxy } from './wal-proxy';

export const faultsSetMethod = 'faults.set';
const maxFaults = 100;
const longestMs = 24 * 3_600_000;

export type FaultDoorOptions = {
  readonly interconnect: Interconnect & FaultInjector;
  readonly walProxy: Pick<WalProxy, 'applyFaults'>;
  readonly rehearsalEnabled: boolean;
  readonly logger: Logger;
};

/** Answers the faults that now act. @throws ClusterError FORBIDDEN, INVALID_INPUT to the asker */
export function serveFaults(options: FaultDoorOptions): void {
  const { interconnect, walProxy, logger } = options;
  interconnect.onRequest(faultsSetMethod, (payload, from) => {
    if (!options.rehearsalEnabled) throw new ClusterError('FORBIDDEN', 'fault injection is off on this node');
    if (from.kind !== 'node') throw new ClusterError('FORBIDDEN', 'faults come from the leading node only');
    const { node, faults } = payload as { readonly node: NodeId; readonly faults: readonly Fault[] };
    if (node !== interconnect.self.nodeId) throw new ClusterError('INVALID_INPUT', `this is ${interconnect.self.name}`);
    for (const fault of faults) check(fault);
    if (faults.length > maxFaults) throw new ClusterError('INVALID_INPUT', `more than ${maxFaults} faults`);
    interconnect.setFaults(faults);
    walProxy.applyFaults();
    logger.warn({ faults, by: from.name }, faults.length === 0 ? 'injected faults removed' : 'faults injected');
    return interconnect.faults();
  });
}

function check(fault: Fault): void {
  const now = Date.now();
  if (fault.until === undefined || !isActive(fault, now) || isActive(fault, now + longestMs)) {
    throw new ClusterError('INVALID_INPUT', 'a fault needs an end (`until`) in the future, at most a day away');
  }
}
