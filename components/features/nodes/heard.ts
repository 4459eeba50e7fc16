/** A node that the present leader never heard has no figures: the zeros on the wire are no measurements and are not shown as such. Pure. */
export function heard<T>(node: { readonly report_age_ms: number | null }, figure: T): T | null {
  return node.report_age_ms === null ? null : figure;
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
