/**
 * A standby's lag with who measured it and when. Bytes are the primary's own sample (its newest WAL less what it knows to be replayed), time is the
 * standby's; the two are taken at different instants, so each says its age and neither is derived from the other. Pure.
 */
import type { ClusterNode, Link, Topology } from '../../providers/wire';
import { formatBytes, formatDuration } from '../../ui/format';

export type LagSample = {
  readonly bytes: number | null;
  /** Whose report the bytes are from, and how old it is; null: they were put together from two reports. */
  readonly seenBy: { readonly node: string; readonly ageMs: number | null } | null;
  readonly ms: number | null;
  readonly msAgeMs: number | null;
};

type View = {
  readonly nodes: readonly Pick<ClusterNode, 'id' | 'report_age_ms'>[];
  readonly links: readonly Pick<Link, 'from' | 'to' | 'kind' | 'lag_bytes'>[];
};

type Standby = Pick<ClusterNode, 'id' | 'lag_bytes' | 'lag_ms' | 'report_age_ms'>;

export function lagSample(node: Standby, view: View | Topology): LagSample {
  const link = view.links.find((one) => one.kind === 'replication' && one.to === node.id);
  const own = { ms: node.lag_ms, msAgeMs: node.report_age_ms };
  if (link === undefined || link.lag_bytes === null) return { bytes: node.lag_bytes, seenBy: null, ...own };
  const primary = view.nodes.find((one) => one.id === link.from);
  return { bytes: link.lag_bytes, seenBy: { node: link.from, ageMs: primary?.report_age_ms ?? null }, ...own };
}

export function lagBytesText({ bytes, seenBy }: LagSample): string {
  if (bytes === null) return 'unknown';
  return `${formatBytes(bytes)}${seenBy === null ? '' : `, as ${seenBy.node} saw it${agoText(seenBy.ageMs)}`}`;
}

export function lagTimeText({ ms, msAgeMs }: LagSample): string {
  return ms === null ? 'unknown' : `${formatDuration(ms)}, as it told${agoText(msAgeMs)}`;
}

export function agoText(ageMs: number | null): string {
  return ageMs === null ? '' : ` ${formatDuration(ageMs)} ago`;
}
