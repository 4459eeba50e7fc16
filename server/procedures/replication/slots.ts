/**
 * Slots as the servers tell them now, group by group, because what becomes of one depends on what the other members hold. Invariant: a node that did not
 * answer is named; its slots are never taken for gone.
 */
import type { GroupView, NodeView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { NodeSlots, SlotInfo } from '@/engine/replication/model';
import type { ProcedureContext } from '../context';
import { selectGroups } from '../shared/find';
import { membersOf } from '../shared/present-topology';

/** How many groups are asked at once, and how long a node may think. */
const groupsAtOnce = 8;
const answerTimeoutMs = 3_000;

export type GroupSlots = {
  readonly group: GroupView;
  readonly members: readonly NodeView[];
  readonly held: ReadonlyMap<string, NodeSlots>;
  readonly missing: readonly string[];
};

export type FoundSlot = { readonly slot: SlotInfo; readonly node: string; readonly in: GroupSlots };

async function askGroup(context: ProcedureContext, group: GroupView): Promise<GroupSlots> {
  const members = membersOf(context.engine.current().view, group.record.name);
  const answers = await Promise.all(
    members.map(async ({ record }) => {
      const slots = await context.engine.node(record.id, 'node.slots', {}, answerTimeoutMs).catch(() => null);
      return [record.id, slots] as const;
    }),
  );
  const held = new Map(answers.flatMap(([id, slots]) => (slots === null ? [] : [[id, slots] as const])));
  return { group, members, held, missing: answers.filter(([, slots]) => slots === null).map(([id]) => id) };
}

/** Asks the groups in order until `enough` says so. `whole`: every group was asked. */
export async function askGroups(
  context: ProcedureContext,
  groups: readonly GroupView[],
  enough: (found: readonly GroupSlots[]) => boolean = () => false,
): Promise<{ readonly found: readonly GroupSlots[]; readonly whole: boolean }> {
  const found: GroupSlots[] = [];
  for (let at = 0; at < groups.length; at += groupsAtOnce) {
    const some = groups.slice(at, at + groupsAtOnce);
    found.push(...(await Promise.all(some.map((group) => askGroup(context, group)))));
    if (enough(found)) return { found, whole: at + groupsAtOnce >= groups.length };
  }
  return { found, whole: true };
}

export function slotsOf(asked: GroupSlots): readonly FoundSlot[] {
  return [...asked.held].flatMap(([node, { slots }]) => slots.map((slot) => ({ slot, node, in: asked })));
}

export type Place = { readonly group?: string | undefined; readonly node?: string | undefined };

/** The primary's before a standby's, by group. @throws NOT_FOUND; CONFLICT when `only` one group may have it and more do */
export async function findSlot(
  context: ProcedureContext,
  name: string,
  place: Place,
  options: { readonly only?: boolean } = {},
): Promise<FoundSlot> {
  const { view } = context.engine.current();
  const { found } = await askGroups(context, selectGroups(view, place.group));
  const all = found
    .flatMap(slotsOf)
    .filter((one) => one.slot.name === name && (place.node === undefined || one.node === place.node));
  const onPrimary = all.filter((one) => one.node === one.in.group.record.primary);
  const chosen = onPrimary[0] ?? all[0];
  if (!chosen) {
    const silent = found.flatMap((one) => one.missing);
    const unless = silent.length > 0 ? `; ${silent.join(', ')} did not answer` : '';
    throw new ClusterError('NOT_FOUND', `No replication slot ${name}${unless}`);
  }
  const groups = [...new Set((onPrimary.length > 0 ? onPrimary : all).map((one) => one.in.group.record.name))];
  if (options.only && (groups.length > 1 || (onPrimary.length === 0 && all.length > 1))) {
    throw new ClusterError('CONFLICT', `There is more than one slot ${name}`, {
      reasons: all.map((one) => ({
        rule: 'slot-is-one',
        measured: `in group ${one.in.group.record.name}`,
        limit: '1',
        remedy: 'Say which one is meant: name its group, or its node.',
        node: one.node,
      })),
    });
  }
  return chosen;
}
