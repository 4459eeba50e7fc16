/**
 * Under which name a branch is prepared: it tells cluster, coordinator group and transaction to whoever finds it later. What doesn't read like
 * that is foreign. `cluster` and `groupMark`: 8 hex digits each, of SHA-256.
 */

export type BranchName = {
  readonly cluster: string;
  /** Of the coordinator; null where only its mark fits (MariaDB). */
  readonly group: string | null;
  readonly groupMark: string;
  /** 32 hex digits. */
  readonly transaction: string;
  readonly branch: number;
};

/** "RDXB". */
const formatId = 0x52445842;
const postgresName = /^rustydb:([0-9a-f]{8}):([a-z0-9][a-z0-9-]{0,62}):([0-9a-f]{8}):([0-9a-f]{32}):(\d{1,3})$/;
const mariaGlobal = /^([0-9a-f]{8}):([0-9a-f]{32})$/;
const mariaBranch = /^([0-9a-f]{8}):(\d{1,3})$/;

/** A gid, at most 200 bytes. */
export function gidOf({ cluster, group, groupMark, transaction, branch }: BranchName): string {
  return `rustydb:${cluster}:${group}:${groupMark}:${transaction}:${branch}`;
}

/** As MariaDB reads it after XA START, PREPARE and so on. */
export function mariaXidOf({ cluster, groupMark, transaction, branch }: BranchName): string {
  return `'${cluster}:${transaction}','${groupMark}:${branch}',${formatId}`;
}

export function parseGid(gid: string): BranchName | null {
  const found = postgresName.exec(gid);
  if (!found) return null;
  const [, cluster, group, groupMark, transaction, branch] = found as unknown as string[];
  return { cluster: cluster!, group: group!, groupMark: groupMark!, transaction: transaction!, branch: Number(branch) };
}

/** A row of XA RECOVER. */
export function parseMariaXid(row: {
  readonly formatId: number;
  readonly gtrid: string;
  readonly bqual: string;
}): BranchName | null {
  const [, cluster, transaction] = mariaGlobal.exec(row.gtrid) ?? [];
  const [, groupMark, branch] = mariaBranch.exec(row.bqual) ?? [];
  if (row.formatId !== formatId || !cluster || !transaction || !groupMark || !branch) return null;
  return { cluster, group: null, groupMark, transaction, branch: Number(branch) };
}
