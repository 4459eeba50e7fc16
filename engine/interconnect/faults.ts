/**
 * What injected faults do to one message on its way: a pure decision, given time and randomness. The transports (interconnect and WAL
 * proxy) apply it. An expired fault never acts, whether or not anyone removed it.
 */
import type { NodeId } from '../kernel/ids';
import type { Fault } from './api';

export type FaultPath = {
  readonly peer: NodeId;
  readonly direction: 'in' | 'out';
  readonly channel: 'interconnect' | 'wal';
};

/** The faults of one path, combined: any partition holds, losses are independent, delays add up. */
export type PathFaults = {
  readonly partitioned: boolean;
  readonly dropProbability: number;
  readonly delayMs: number;
  readonly jitterMs: number;
};

export const noFaults: PathFaults = { partitioned: false, dropProbability: 0, delayMs: 0, jitterMs: 0 };

export function isActive(fault: Fault, wallMs: number): boolean {
  if (fault.until === undefined) return true;
  // An unreadable end compares false: better a fault that never acts than one that never ends.
  return Date.parse(fault.until) > wallMs;
}

/** When the next fault ends by itself; null when none does. */
export function nextExpiry(faults: readonly Fault[], wallMs: number): number | null {
  let next: number | null = null;
  for (const fault of faults) {
    if (fault.until === undefined || !isActive(fault, wallMs)) continue;
    const end = Date.parse(fault.until);
    if (next === null || end < next) next = end;
  }
  return next;
}

export function faultsOn(faults: readonly Fault[], path: FaultPath, wallMs: number): PathFaults {
  let partitioned = false;
  let passes = 1;
  let delayMs = 0;
  let jitterMs = 0;
  for (const fault of faults) {
    if (fault.peer !== null && fault.peer !== path.peer) continue;
    if (fault.direction !== 'both' && fault.direction !== path.direction) continue;
    if (fault.channel !== 'both' && fault.channel !== path.channel) continue;
    if (!isActive(fault, wallMs)) continue;
    if (fault.kind === 'partition') partitioned = true;
    else if (fault.kind === 'drop') passes *= 1 - Math.min(1, Math.max(0, fault.probability ?? 1));
    else {
      delayMs += Math.max(0, fault.delayMs ?? 0);
      jitterMs += Math.max(0, fault.jitterMs ?? 0);
    }
  }
  const dropProbability = 1 - passes;
  if (!partitioned && dropProbability === 0 && delayMs === 0 && jitterMs === 0) return noFaults;
  return { partitioned, dropProbability, delayMs, jitterMs };
}

export function isLost(path: PathFaults, random: () => number): boolean {
  return path.dropProbability > 0 && random() < path.dropProbability;
}

/** Delay of one message in ms: uniform in `delayMs ± jitterMs`, never negative. */
export function delayOf(path: PathFaults, random: () => number): number {
  if (path.jitterMs === 0) return path.delayMs;
  return Math.max(0, path.delayMs + (random() * 2 - 1) * path.jitterMs);
}
