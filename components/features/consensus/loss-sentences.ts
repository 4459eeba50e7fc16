/** Which further losses would stop changes, in sentences. Pure. */

import { counted, plural } from '../../ui/counted';

type Facts = {
  readonly has_quorum: boolean;
  readonly quorum_size: number;
  readonly leader: string | null;
  readonly term: number;
  readonly voters: readonly { readonly id: string }[];
  readonly tolerates: number;
  readonly fatal_losses: readonly (readonly string[])[];
};

export function quorumSentence(status: Facts): string {
  if (!status.has_quorum)
    return `No majority: ${status.quorum_size} of ${counted(status.voters.length, 'voter')} ${plural(status.quorum_size, 'is', 'are')} needed. Nothing can change until ${plural(status.quorum_size, 'it is', 'they are')} back.`;
  const leader = status.leader === null ? 'No leader is known' : `${status.leader} leads in term ${status.term}`;
  const more =
    status.tolerates === 0
      ? 'the loss of any further voter may stop changes'
      : `${counted(status.tolerates, 'more voter')} may be lost`;
  return `${leader}; ${more}.`;
}

const listed = 6;

export function lossSentences(status: Facts): readonly string[] {
  if (!status.has_quorum) return ['Changes are stopped already.'];
  if (status.fatal_losses.length === 0) return ['No single further loss is known to stop changes.'];
  const single = status.fatal_losses.filter((set) => set.length === 1).flat();
  if (single.length > 0) return [`Losing ${joined(single, 'or')} alone would stop changes.`];
  const size = status.fatal_losses[0]?.length ?? 0;
  if (status.fatal_losses.length === combinations(status.voters.length, size)) {
    return [`Losing any ${size} of the ${counted(status.voters.length, 'voter')} would stop changes.`];
  }
  const shown = status.fatal_losses
    .slice(0, listed)
    .map((set) => `Losing ${joined(set, 'and')} together would stop changes.`);
  const rest = status.fatal_losses.length - listed;
  return rest > 0 ? [...shown, `… and ${counted(rest, 'further combination')} of the same size.`] : shown;
}

function combinations(from: number, size: number): number {
  let count = 1;
  for (let index = 0; index < size; index += 1) count = (count * (from - index)) / (index + 1);
  return count;
}

function joined(names: readonly string[], word: string): string {
  if (names.length <= 1) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}
