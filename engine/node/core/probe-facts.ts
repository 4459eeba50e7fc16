/** What a node knows of itself when a load balancer asks, and what follows from it: who serves writes, how far behind it is, who waits for it. */
import type { GroupRecord, NodeRecord, PostgresReport } from '../../cluster/model';
import type { NodeId } from '../../kernel/ids';
import { lagBytes } from '../../kernel/lsn';
import type { RouteAnswer } from '../../runtime/engine-api';

/** Older than this, what PostgreSQL last said of itself is not known any more: a quiet standby is asked every second. */
export const reportFreshMs = 5_000;
/** Who is a synchronous standby is known from the control store: this long after its leader was last heard. */
export const storeFreshMs = 5_000;

/** State and lag of members, in Patroni's words. */
export type MembersSeen = Readonly<Record<NodeId, Readonly<Record<string, unknown>>>>;

export type ProbeFacts = {
  readonly node: NodeId;
  readonly release: string;
  /** What a router would be told right now. */
  readonly route: Pick<RouteAnswer, 'role' | 'remainingMs' | 'draining'>;
  /** The running server's last word; null: it has said nothing since it started, or does not run. */
  readonly seen: { readonly report: PostgresReport; readonly ageMs: number } | null;
  readonly group: GroupRecord | null;
  readonly members: () => readonly NodeRecord[];
  /** What the group's primary told lately; null: nothing. */
  readonly seenByPrimary: MembersSeen | null;
  /** Automatic failover is off, for the group or the cluster. */
  readonly paused: boolean;
  readonly storeAgeMs: number;
  /** Since the agent's thread last came round to its regular work. */
  readonly turnedMs: number;
  readonly leaseMs: number;
  /** How far behind a standby may be that is ready, unless the caller says. */
  readonly readyLagBytes: number;
  readonly wallMs: number;
};

/** As strict as a router's admission: the lease counts at this moment, its epoch rules, PostgreSQL takes writes under it, and nobody drains it. */
export function servesWrites({ route, seen }: ProbeFacts): boolean {
  return route.role === 'primary' && route.remainingMs > 0 && !route.draining && seen?.report.state === 'primary';
}

/** Behind what the primary had flushed when it was last heard; null: not known. */
export function standbyLagBytes(report: PostgresReport, lagOf: 'replayed' | 'received'): number | null {
  const { walReceiver, receiveLsn, replayLsn } = report;
  if (walReceiver?.status !== 'streaming') return null;
  const own = lagOf === 'replayed' ? replayLsn : receiveLsn;
  const behind = [lagBytes(walReceiver.primaryLsn ?? null, own), lagBytes(receiveLsn, own)].filter(
    (lag) => lag !== null,
  );
  return behind.length === 0 ? null : Math.max(...behind);
}

/** Whether commits wait for this standby: for it and all others (`sync`), for some of several (`quorum`), not at all; null: not known. */
export function acknowledges({ node, group, storeAgeMs }: ProbeFacts): 'sync' | 'quorum' | 'none' | null {
  if (group === null || storeAgeMs > storeFreshMs) return null;
  const { members, k } = group.voterSet;
  if (group.mode === 'asynchronous' || !members.includes(node)) return 'none';
  return k >= members.length ? 'sync' : 'quorum';
}

/** PostgreSQL's state in Patroni's words; `running`: it takes connections, and has answered lately. */
export function stateNow({ seen }: Pick<ProbeFacts, 'seen'>): string {
  if (seen === null || seen.ageMs > reportFreshMs) return 'unknown';
  const { state, lsn } = seen.report;
  switch (state) {
    case 'primary':
    case 'standby':
      return lsn === null ? 'unknown' : 'running';
    case 'recovering':
      return 'starting';
    case 'absent':
      return 'creating replica';
    default:
      return state;
  }
}
