/** Slots that keep so much WAL that they, or the disk, are in danger, and slots that are lost. One problem per node and kind; it names the slots. */
import { formatBytes, isFresh, type NodeSnapshot } from '../../operations/core/snapshot';
import { type SlotRisk, slotRisk } from '../../replication/core/slot-risk';
import { ownerOf } from '../../replication/core/slot-rules';
import type { SlotReport } from '../../replication/model';
import { type Finding, finding, type GroupAnalyser, type GroupSituation } from './situation';

type Found = { readonly slot: SlotReport; readonly risk: SlotRisk };

const rules: Readonly<Record<SlotRisk['kind'], string>> = {
  lost: 'slot-lost',
  'nearly-lost': 'slot-nearly-lost',
  'keeps-wal': 'slot-keeps-wal',
};
const named = 3;

export const slotRisks: GroupAnalyser = (situation) =>
  situation.group.members.flatMap((member) => {
    if (!isFresh(member, situation.config.leaseMs)) return [];
    const found = risksOf(member);
    return (Object.keys(rules) as SlotRisk['kind'][]).flatMap((kind) => {
      const some = found.filter((one) => one.risk.kind === kind);
      return some.length === 0 ? [] : [problem(situation, member, some)];
    });
  });

function risksOf(member: NodeSnapshot): readonly Found[] {
  const { postgres, diskTotalBytes, diskUsedBytes } = member.report!;
  const room = {
    keepBytes: postgres.slotWalKeepBytes ?? null,
    diskFreeBytes: diskTotalBytes > 0 ? diskTotalBytes - diskUsedBytes : null,
  };
  return (postgres.slots ?? []).flatMap((slot) => {
    const risk = slotRisk(slot, room);
    return risk === null ? [] : [{ slot, risk }];
  });
}

function problem(situation: GroupSituation, member: NodeSnapshot, found: readonly Found[]): Finding {
  const { kind } = found[0]!.risk;
  const node = member.record.id;
  return finding(situation, {
    rule: rules[kind],
    severity: found.some((one) => one.risk.severity === 'critical') ? 'critical' : 'warning',
    node,
    sentence: `${listOf(found.map(({ slot, risk }) => `${slot.name} ${whatOf(slot, risk)}`))} on ${node}.`,
    remedy: [...new Set(found.map((one) => remedyOf(situation, node, one)))].slice(0, named).join(' '),
  });
}

function listOf(parts: readonly string[]): string {
  const more = parts.length > named ? ` and ${parts.length - named} more slots` : '';
  return `${parts.length === 1 ? 'Slot' : 'Slots'} ${parts.slice(0, named).join(', ')}${more}`;
}

function whatOf(slot: SlotReport, { kind, limitBytes }: SlotRisk): string {
  if (kind === 'lost') return `is lost (${slot.invalidationReason ?? 'its WAL is gone'})`;
  const limit = limitBytes === null ? '' : ` of ${formatBytes(limitBytes)}`;
  const kept = slot.retainedBytes === null ? '' : ` keeps ${formatBytes(slot.retainedBytes)}${limit}`;
  return kind === 'nearly-lost' ? `is lost at the next checkpoint:${kept}` : `is idle and${kept}`;
}

function remedyOf(situation: GroupSituation, node: string, { slot, risk }: Found): string {
  const { members } = situation.group;
  if (ownerOf(slot) === 'engine') {
    const of = members.find((one) => slot.name === `rustydb_${one.record.id.replaceAll('-', '_')}`)?.record.id;
    const who = of ?? 'the member that it is for';
    return risk.kind === 'lost'
      ? `The engine makes ${slot.name} anew; ${who} is cloned when it needs WAL that is gone.`
      : `Bring ${who} back, or remove it for good (rustydbctl cluster remove-node ${of ?? '<node>'}): its slot goes with it.`;
  }
  const drop = `drop it (rustydbctl replication delete-slot ${slot.name} --node ${node}, or on the replication page)`;
  return risk.kind === 'lost'
    ? `The consumer of ${slot.name} has to start over: ${drop} and create it again.`
    : `Start the consumer of ${slot.name}, or ${drop}.`;
}
