/**
 * What changed between two presentations of the live view, field by field: of a thousand nodes a tick touches a few fields each, and the whole is
 * more than a megabyte. Pure. Invariant: applied to `before`, the patch gives `after`; where that can't be said in fields (another set of nodes,
 * groups or links, a field that went away) the whole is sent instead.
 */
import type { z } from 'zod';
import type { clusterLive, livePatch } from './wire';

export type LiveView = z.output<typeof clusterLive>;
export type LivePatch = z.output<typeof livePatch>;
type Fields = Readonly<Record<string, unknown>>;

export function patchOf(before: LiveView | null, after: LiveView, sequence: number): LivePatch {
  const whole: LivePatch = {
    sequence,
    base: null,
    whole: after,
    nodes: [],
    groups: [],
    links: [],
    rest: {},
    operations: null,
  };
  if (before === null) return whole;
  const { nodes: nodesBefore, groups: groupsBefore, links: linksBefore, ...restBefore } = before.topology;
  const { nodes: nodesAfter, groups: groupsAfter, links: linksAfter, ...restAfter } = after.topology;
  const nodes = changedRows(nodesBefore, nodesAfter, ['id']);
  const groups = changedRows(groupsBefore, groupsAfter, ['name']);
  const links = changedRows(linksBefore, linksAfter, ['from', 'to', 'kind']);
  const rest = changedFields(restBefore, restAfter);
  if (!nodes || !groups || !links || !rest) return whole;
  const operations = equal(before.operations, after.operations) ? null : after.operations;
  return { sequence, base: sequence - 1, whole: null, nodes, groups, links, rest, operations };
}

/** Rows in the same places with the same names: their index (`at`) and what changed. Null: not the same rows. */
function changedRows(before: readonly Fields[], after: readonly Fields[], names: readonly string[]): Fields[] | null {
  if (before.length !== after.length) return null;
  const changed: Fields[] = [];
  for (const [at, row] of after.entries()) {
    const old = before[at] as Fields;
    if (old === row) continue;
    if (names.some((name) => old[name] !== row[name])) return null;
    const fields = changedFields(old, row);
    if (fields === null) return null;
    if (Object.keys(fields).length > 0) changed.push({ ...fields, at });
  }
  return changed;
}

function changedFields(before: Fields, after: Fields): Fields | null {
  const changed: Record<string, unknown> = {};
  for (const name of Object.keys(after)) if (!equal(before[name], after[name])) changed[name] = after[name];
  for (const name of Object.keys(before)) if (!(name in after)) return null;
  return changed;
}

/** Of plain data. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => name in b && equal((a as Fields)[name], (b as Fields)[name]));
}
