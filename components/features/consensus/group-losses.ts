/**
 * Which further losses would stop a group's writes, in sentences. Pure. A failover needs the promises of all voters but as many as must acknowledge
 * a commit, less one: so the primary and that many voters lost at once leave nobody who surely has every acknowledged write.
 */
type Facts = {
  readonly name: string;
  readonly primary: string | null;
  readonly writable: boolean;
  readonly automatic_failover: boolean;
  readonly promotable: string;
  readonly voters: readonly string[];
  readonly required_acknowledgements: number;
  readonly on_no_standby: string;
};

export function groupLosses(group: Facts): string {
  const { name, primary, voters } = group;
  if (!group.writable || primary === null) return `${name} takes no writes now.`;
  if (!group.automatic_failover)
    return `${name}: losing ${primary} stops writes until somebody fails over, for automatic failover is paused.`;
  if (group.promotable === 'none' || voters.length === 0)
    return `${name}: losing ${primary} stops writes, for no standby may be promoted by itself.`;
  return `${name}: losing ${primary} only pauses writes; losing it and ${some(group.required_acknowledgements, voters)} at once stops them. ${withoutVoters(group)}`;
}

function some(count: number, names: readonly string[]): string {
  const list = names.join(', ');
  if (count >= names.length) return names.length === 1 ? list : `all of ${list}`;
  return `${count} of ${list}`;
}

function withoutVoters({ primary, on_no_standby }: Facts): string {
  return on_no_standby === 'degrade'
    ? `Losing standbys alone stops none: ${primary} goes on, degraded when it is alone.`
    : 'Losing every standby makes commits wait.';
}
