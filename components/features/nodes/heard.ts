/** A node that the present leader never heard has no figures: the zeros on the wire are no measurements and are not shown as such. Pure. */
export function heard<T>(node: { readonly report_age_ms: number | null }, figure: T): T | null {
  return node.report_age_ms === null ? null : figure;
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
