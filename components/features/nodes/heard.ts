/** What is known of a node, and how it reads. Pure. */
import { formatBytes, formatDuration } from '../../ui/format';

/** A node that the present leader never heard has no figures: the zeros on the wire are no measurements and are not shown as such. */
export function heard<T>(node: { readonly report_age_ms: number | null }, figure: T): T | null {
  return node.report_age_ms === null ? null : figure;
}

const noticedMs = 1000;

/** For how long an unhealthy node has said nothing; null: what it reported is current. */
export function silentFor(node: { readonly report_age_ms: number | null; readonly status: string }): number | null {
  const age = node.report_age_ms;
  return node.status === 'unhealthy' && age !== null && age > noticedMs ? age : null;
}

type Disk = {
  readonly report_age_ms: number | null;
  readonly disk_used_bytes: number;
  readonly disk_total_bytes: number;
};

/** Free bytes; an agent that has just started has not measured its disk yet. */
export function diskFree(node: Disk): number | null {
  return node.disk_total_bytes === 0 ? null : heard(node, node.disk_total_bytes - node.disk_used_bytes);
}

type Connected = {
  readonly report_age_ms: number | null;
  readonly connections: number;
  readonly max_connections: number;
};

/** A server that does not run has no limit of connections, and none to count. */
export function connectionsText(node: Connected): string | null {
  return node.max_connections === 0 ? null : heard(node, `${node.connections} of ${node.max_connections}`);
}

/** Bytes, and time where it is known. */
export function lagText(node: { readonly lag_bytes: number | null; readonly lag_ms: number | null }): string {
  if (node.lag_bytes === null) return 'unknown';
  const bytes = formatBytes(node.lag_bytes);
  return node.lag_ms === null ? bytes : `${bytes}, ${formatDuration(node.lag_ms)}`;
}
