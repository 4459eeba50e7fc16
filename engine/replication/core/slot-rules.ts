/**
 * Whose a replication slot is, how it may be called, and what becomes of it when its node's role changes: one place, read by plans, agents and console.
 * Invariant: whatever begins with our prefix is the engine's; nobody else makes, drops or renames it.
 */
import type { NodeId } from '../../kernel/ids';
import type { SlotInfo } from '../model';

export const enginePrefix = 'rustydb_';
/** Kept free for the members' own slots: a node that joins, or a promotion that finds none left, must not fail for somebody's consumer. */
export const reservedSlots = 4;

const slotName = /^[a-z0-9_]{1,63}$/;
/** A plain name is looked up among the server's own libraries; a path would load any file into the server. */
const pluginName = /^[a-z_][a-z0-9_]{0,62}$/;

export function isSlotName(name: string): boolean {
  return slotName.test(name);
}

export function isPluginName(name: string): boolean {
  return pluginName.test(name);
}

export type SlotOwner = 'engine' | 'user';

export function ownerOf(slot: Pick<SlotInfo, 'name'>): SlotOwner {
  return slot.name.startsWith(enginePrefix) ? 'engine' : 'user';
}

/** A standby's copy that a promotion keeps: not temporary, not invalidated. */
export function isReadyCopy(slot: SlotInfo): boolean {
  return slot.synced && !slot.temporary && slot.invalidationReason === null;
}

/** What a change of primary makes of a slot. */
export type SwitchoverFate = 'kept' | 'follows' | 'not_ready' | 'stays_behind' | 'ends';

export type FateFacts = {
  readonly node: NodeId;
  readonly isPrimary: boolean;
  /** Standbys of the group that hold a ready copy, and those that do not (or did not answer). */
  readonly readyOn: readonly NodeId[];
  readonly notReadyOn: readonly NodeId[];
};

export function fateOf(slot: SlotInfo, facts: FateFacts): { readonly fate: SwitchoverFate; readonly sentence: string } {
  const { node, isPrimary, readyOn, notReadyOn } = facts;
  if (ownerOf(slot) === 'engine')
    return { fate: 'kept', sentence: 'The engine keeps one for each member on every member; the new primary has it.' };
  if (slot.synced) {
    return isReadyCopy(slot)
      ? { fate: 'follows', sentence: `A copy of the primary's slot: it goes on from here when ${node} is promoted.` }
      : {
          fate: 'not_ready',
          sentence: `A copy of the primary's slot that is not ready: it is gone when ${node} is promoted now. It becomes ready once the slot's consumer has moved on.`,
        };
  }
  if (slot.temporary) return { fate: 'ends', sentence: 'Ends with the session that made it.' };
  if (!isPrimary) return { fate: 'stays_behind', sentence: standbySentence(slot, node) };
  if (!slot.failover) return { fate: 'stays_behind', sentence: primarySentence(slot, node) };
  if (readyOn.length === 0) {
    return {
      fate: 'not_ready',
      sentence: `No standby holds a ready copy yet: a switchover is refused, and after a failover now the slot stays behind on ${node}. A copy becomes ready once the slot's consumer has moved on.`,
    };
  }
  const without = notReadyOn.length > 0 ? ` ${notReadyOn.join(', ')} holds none yet.` : '';
  return { fate: 'follows', sentence: `Goes on after a change of primary to ${readyOn.join(' or ')}.${without}` };
}

function primarySentence(slot: SlotInfo, node: NodeId): string {
  const instead =
    slot.type === 'logical'
      ? ' A logical slot with failover would be copied.'
      : ' PostgreSQL copies logical slots only.';
  return `Stays behind on ${node} and keeps WAL there; the new primary does not have it, so its consumer starts over. A new copy of ${node} drops it.${instead}`;
}

function standbySentence(slot: SlotInfo, node: NodeId): string {
  if (slot.failover) {
    return `Left from when ${node} was primary. It gives way to a copy once the present primary has a failover slot of that name; without one it stays, and goes on here when ${node} is promoted.`;
  }
  const vacuum =
    slot.type === 'logical'
      ? ' As a logical slot it also holds back vacuum on the primary (hot_standby_feedback).'
      : '';
  return `On this standby only, where it keeps WAL; the primary does not have it. A new copy of ${node} drops it.${vacuum}`;
}
