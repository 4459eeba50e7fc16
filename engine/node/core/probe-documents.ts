/**
 * The documents of Patroni's REST API (`/patroni`, `/cluster`, `/history`) made of this node's own facts. A primary sees its standbys
 * stream; a standby tells of others what the primary told it, or `unknown`. No login, client address or path is in them.
 */
import type { GroupRecord, NodeRecord, PostgresReport, ReplicationSender } from '../../cluster/model';
import { type LsnText, lagBytes, parseLsn } from '../../kernel/lsn';
import {
  acknowledges,
  type MembersSeen,
  type ProbeFacts,
  servesWrites,
  standbyLagBytes,
  stateNow,
} from './probe-facts';

type Document = Readonly<Record<string, unknown>>;

export function nodeDocument(facts: ProbeFacts): Document {
  const { seen, group, storeAgeMs, wallMs } = facts;
  const report = seen?.report ?? null;
  const state = stateNow(facts);
  const acknowledgement = report?.state === 'standby' ? acknowledges(facts) : null;
  return {
    state,
    ...(report?.startedAt ? { postmaster_start_time: report.startedAt } : {}),
    role: roleOf(facts),
    ...(report?.version ? { server_version: versionNumber(report.version) } : {}),
    ...(state === 'running' && report ? running(report) : {}),
    ...(acknowledgement === 'sync' ? { sync_standby: true } : {}),
    ...(acknowledgement === 'quorum' ? { quorum_standby: true } : {}),
    ...(facts.paused ? { pause: true } : {}),
    ...(group === null || group.primary === null || group.leaseReleased ? { cluster_unlocked: true } : {}),
    ...(Number.isFinite(storeAgeMs) ? { dcs_last_seen: Math.floor((wallMs - storeAgeMs) / 1000) } : {}),
    ...(facts.route.draining ? { tags: { noloadbalance: true } } : {}),
    ...(group?.systemIdentifier ? { database_system_identifier: group.systemIdentifier } : {}),
    patroni: { version: facts.release, scope: group?.name ?? '', name: facts.node },
  };
}

/** A server that takes writes without a lease is no primary of anybody: `demoted`. */
function roleOf(facts: ProbeFacts): string {
  if (servesWrites(facts)) return 'primary';
  return facts.seen?.report.state === 'primary' ? 'demoted' : 'replica';
}

function running(report: PostgresReport): Document {
  const status = report.walReceiver?.status;
  return {
    xlog:
      report.state === 'primary'
        ? { location: position(report.lsn) }
        : {
            received_location: position(report.receiveLsn),
            replayed_location: position(report.replayLsn),
            replayed_timestamp: null,
            paused: report.replayPaused,
          },
    timeline: report.timeline,
    ...(report.senders.length > 0 ? { replication: report.senders.map(sender) } : {}),
    ...(report.state === 'standby' && status ? { replication_state: status } : {}),
  };
}

function sender({ applicationName, state, syncState }: ReplicationSender): Document {
  return {
    application_name: applicationName,
    state,
    sync_state: syncState,
    sync_priority: syncState === 'async' ? 0 : 1,
  };
}

/** For the standbys of the group: what this node sees as its primary; null: it is none. */
export function membersSeen(facts: ProbeFacts): MembersSeen | null {
  if (!servesWrites(facts)) return null;
  const own = { ...facts, seenByPrimary: null };
  return Object.fromEntries(
    facts.members().map((record) => [record.id, record.id === facts.node ? ofItself(own) : ofAnother(record, own)]),
  );
}

export function clusterDocument(facts: ProbeFacts): Document {
  const { group, paused } = facts;
  const members = facts.members().toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return {
    members: members.map((record) => member(record, facts)),
    scope: group?.name ?? '',
    ...(paused ? { pause: true } : {}),
  };
}

function member(record: NodeRecord, facts: ProbeFacts): Document {
  const { id, host, postgresPort, probePort } = record;
  return {
    name: id,
    role: memberRole(record, facts.group),
    ...(id === facts.node ? ofItself(facts) : ofAnother(record, facts)),
    ...(probePort ? { api_url: `http://${host.includes(':') ? `[${host}]` : host}:${probePort}/patroni` } : {}),
    host,
    port: postgresPort,
    ...(record.maintenance ? { tags: { noloadbalance: true } } : {}),
  };
}

function memberRole({ id }: NodeRecord, group: GroupRecord | null): string {
  if (id === group?.primary) return 'leader';
  if (group === null || group.mode === 'asynchronous' || !group.voterSet.members.includes(id)) return 'replica';
  return group.voterSet.k >= group.voterSet.members.length ? 'sync_standby' : 'quorum_standby';
}

function ofItself(facts: ProbeFacts): Document {
  const report = facts.seen?.report ?? null;
  const state = stateNow(facts);
  if (state !== 'running' || report === null) return { state };
  if (report.state === 'primary') return { state, timeline: report.timeline };
  return {
    state: report.walReceiver?.status === 'streaming' ? 'streaming' : state,
    timeline: report.timeline,
    ...lags(
      report.receiveLsn,
      standbyLagBytes(report, 'received'),
      report.replayLsn,
      standbyLagBytes(report, 'replayed'),
    ),
  };
}

/** What a primary sees of its standbys, or has told this standby. */
function ofAnother({ id }: NodeRecord, facts: ProbeFacts): Document {
  const report = stateNow(facts) === 'running' && servesWrites(facts) ? facts.seen?.report : undefined;
  const sees = report?.senders.find((one) => one.applicationName === id);
  const unknown =
    id === facts.group?.primary ? { state: 'unknown' } : { state: 'unknown', ...lags(null, null, null, null) };
  if (!report || !sees) return facts.seenByPrimary?.[id] ?? unknown;
  return {
    state: sees.state,
    timeline: report.timeline,
    ...lags(sees.flushLsn, lagBytes(report.lsn, sees.flushLsn), sees.replayLsn, lagBytes(report.lsn, sees.replayLsn)),
  };
}

function lags(
  receive: LsnText | null,
  receiveLag: number | null,
  replay: LsnText | null,
  replayLag: number | null,
): Document {
  return {
    receive_lag: receiveLag ?? 'unknown',
    ...(receive === null ? {} : { receive_lsn: receive }),
    replay_lag: replayLag ?? 'unknown',
    ...(replay === null ? {} : { replay_lsn: replay }),
    lag: replayLag ?? 'unknown',
    ...(replay === null ? {} : { lsn: replay }),
  };
}

/** One line for each promotion: the timeline that ended, where, why, when, and who went on. */
export function historyDocument(group: GroupRecord | null): readonly unknown[] {
  return (group?.timelineHistory ?? [])
    .filter((entry) => entry.timeline > 1)
    .map((entry) => [
      entry.parent ?? entry.timeline - 1,
      position(entry.startLsn),
      'no recovery target specified',
      entry.at,
      entry.primary,
    ]);
}

/** Bytes since 0/0, as Patroni counts positions; 0: not known. */
function position(lsn: LsnText | null): number {
  return lsn === null ? 0 : Number(parseLsn(lsn));
}

/** `18.1 (Debian …)` → 180001. */
function versionNumber(version: string): number {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return Number(major) * 10_000 + Number(minor);
}
