/** A fault as the form holds it, as the server takes it, and as a sentence. Pure. */
import type { Fault } from '../../providers/wire';

export type FaultDraft = {
  readonly node: string;
  readonly peer: string;
  readonly kind: 'partition' | 'drop' | 'delay';
  readonly direction: 'in' | 'out' | 'both';
  readonly channel: 'interconnect' | 'wal' | 'both';
  readonly seconds: string;
  readonly delayMs: string;
  readonly percent: string;
};

type Option = { readonly value: string; readonly label: string };

export const kindOptions: readonly Option[] = [
  { value: 'partition', label: 'Nothing passes' },
  { value: 'delay', label: 'Messages come late' },
  { value: 'drop', label: 'Messages are lost' },
];
export const channelOptions: readonly Option[] = [
  { value: 'both', label: 'Interconnect and WAL' },
  { value: 'interconnect', label: 'Interconnect only' },
  { value: 'wal', label: 'WAL stream only' },
];

export function directionOptions(node: string): readonly Option[] {
  return [
    { value: 'both', label: 'Both ways' },
    { value: 'in', label: `Towards ${node}` },
    { value: 'out', label: `From ${node}` },
  ];
}

export function optionLabel(options: readonly Option[], value: string): string {
  return options.find((option) => option.value === value)?.label ?? value;
}

export function firstDraft(nodes: readonly string[]): FaultDraft {
  return {
    node: nodes[0] ?? '',
    peer: '',
    kind: 'partition',
    direction: 'both',
    channel: 'both',
    seconds: '10',
    delayMs: '50',
    percent: '20',
  };
}

export function faultRequest(draft: FaultDraft) {
  return {
    peer: draft.peer === '' ? null : draft.peer,
    kind: draft.kind,
    direction: draft.direction,
    channel: draft.channel,
    duration_ms: Math.round(Number(draft.seconds) * 1000),
    ...(draft.kind === 'delay' ? { delay_ms: Number(draft.delayMs) } : {}),
    ...(draft.kind === 'drop' ? { probability: Number(draft.percent) / 100 } : {}),
  };
}

/** The server replaces all faults of a node: those that still run must be sent along, with the time they have left. */
export function faultsOfNode(faults: readonly Fault[], node: string, nowMs: number) {
  return faults.flatMap((fault) => {
    if (fault.node !== node || fault.until === null) return [];
    const left = Date.parse(fault.until) - nowMs;
    if (left < 100) return [];
    return [
      {
        peer: fault.peer,
        kind: fault.kind,
        direction: fault.direction,
        channel: fault.channel,
        duration_ms: Math.round(left),
        ...(fault.delay_ms === null ? {} : { delay_ms: fault.delay_ms }),
        ...(fault.jitter_ms === null ? {} : { jitter_ms: fault.jitter_ms }),
        ...(fault.probability === null ? {} : { probability: fault.probability }),
      },
    ];
  });
}

export function faultSentence(draft: FaultDraft): string {
  const what =
    draft.kind === 'partition'
      ? 'Nothing passes'
      : draft.kind === 'delay'
        ? `Messages are ${draft.delayMs} ms late`
        : `${draft.percent} % of the messages are lost`;
  const peer = draft.peer === '' ? 'all other nodes' : draft.peer;
  const between =
    draft.direction === 'both'
      ? `between ${draft.node} and ${peer}`
      : draft.direction === 'out'
        ? `from ${draft.node} to ${peer}`
        : `from ${peer} to ${draft.node}`;
  const channel = draft.channel === 'both' ? '' : ` on the ${draft.channel === 'wal' ? 'WAL stream' : 'interconnect'}`;
  return `${what} ${between}${channel}, for ${draft.seconds} s.`;
}
