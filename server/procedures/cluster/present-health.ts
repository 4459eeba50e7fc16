/** The verdict, health checks and membership on the wire. */

import { primaryChangingRule } from '@/engine/cluster/core/planned-change';
import { serviceTroubleWords } from '@/engine/cluster/core/service-trouble';
import type { NodeView } from '@/engine/cluster/model';
import type { CurrentView } from '@/server/engine-client/api';
import { sortedGroups } from '../shared/find';
import { lagOf, lastHeartbeat } from '../shared/present-node';
import { counts } from '../shared/present-topology';

export function presentHealth({ view }: CurrentView) {
  const total = counts(view);
  // A pause on purpose is a problem of its own, and no longer than it was planned for.
  const planned = new Set(view.problems.filter((one) => one.rule === primaryChangingRule).map((one) => one.group));
  const broken = view.groups.some((group) => !group.writable && !planned.has(group.record.name)) || !total.has_quorum;
  const critical = broken || view.problems.some((problem) => problem.severity === 'critical');
  const degraded =
    planned.size > 0 ||
    total.healthy_nodes < total.total_nodes ||
    view.groups.some((group) => group.degraded) ||
    view.problems.some((problem) => problem.severity === 'warning');
  const status = critical ? ('critical' as const) : degraded ? ('degraded' as const) : ('healthy' as const);
  return {
    status,
    healthy: status === 'healthy',
    sentence: view.sentence,
    reasons: view.problems.map((problem) => ({ ...problem })),
    ...total,
    groups: sortedGroups(view).map((group) => ({
      name: group.record.name,
      writable: group.writable,
      readable: group.readable,
      degraded: group.degraded,
      sentence: group.sentence,
    })),
    timestamp: Math.floor(Date.parse(view.at) / 1000),
  };
}

export function presentNodeHealth({ view }: CurrentView, node: NodeView) {
  return {
    node_id: node.record.id,
    status: node.status,
    reason: node.statusReason,
    checks: healthChecks(view, node),
    problems: view.problems.filter((problem) => problem.node === node.record.id).map((problem) => ({ ...problem })),
    last_check: node.reportAgeMs === null ? null : lastHeartbeat(node, Date.parse(view.at)),
  };
}

/** Null: not known, because the node was not heard or has not measured it yet. */
type Verdict = boolean | null;

function healthChecks(view: CurrentView['view'], node: NodeView) {
  const { report } = node;
  const { health, leaseMs } = view.config;
  const primary = view.nodes.find((one) => one.role === 'primary' && one.record.group === node.record.group);
  const lag = lagOf(node, primary?.report?.postgres ?? null).lag_bytes;
  const disk = report && report.diskTotalBytes > 0 ? (report.diskUsedBytes / report.diskTotalBytes) * 100 : null;
  const state = report?.postgres.state ?? null;
  const wantedDown = node.record.wanted === 'stopped';
  const connected = report?.links.filter((link) => link.connected).length ?? null;
  // Of those it keeps: in a large cluster a node is connected to its group and the voters only.
  const wantedLinks = report === null ? null : Math.floor(report.links.length / 2);
  const age = node.reportAgeMs;
  const diskLimit = health.diskWarningPercent;
  const trouble = report === null ? null : (report.troubles[0] ?? 'none');
  return [
    // Never heard is known: it does not report.
    check(
      'agent-reports',
      age !== null && age < leaseMs,
      age === null ? null : `${Math.round(age)} ms`,
      `${leaseMs} ms`,
    ),
    check(
      'postgres-serves',
      state === null ? null : state === 'primary' || state === 'standby' || wantedDown,
      state,
      'primary or standby',
    ),
    check('lets-sessions-in', letsIn(report), report ? sessionsText(report) : null, null),
    check('replication-lag', below(lag, health.lagWarningBytes), bytesText(lag), bytesText(health.lagWarningBytes)),
    check('disk-space', below(disk, diskLimit), disk === null ? null : `${disk.toFixed(1)} %`, `${diskLimit} %`),
    check(
      'interconnect-links',
      connected === null || wantedLinks === null ? null : connected >= wantedLinks,
      connected === null ? null : `${connected} connected`,
      wantedLinks === null ? null : `${wantedLinks} at least`,
    ),
    check('no-troubles', trouble === null ? null : trouble === 'none', trouble, 'none'),
  ];
}

/** Not known of a server that does not run. */
function letsIn(report: NodeView['report']): Verdict {
  if (!report || !['primary', 'standby'].includes(report.postgres.state)) return null;
  return !report.postgres.serviceTrouble;
}

function sessionsText({ postgres }: NonNullable<NodeView['report']>): string | null {
  if (postgres.serviceTrouble) return serviceTroubleWords(postgres.serviceTrouble).sentence;
  return ['primary', 'standby'].includes(postgres.state) ? 'yes' : null;
}

function below(value: number | null, limit: number): Verdict {
  return value === null ? null : value < limit;
}

function check(name: string, verdict: Verdict, measured: string | null, limit: string | null) {
  const value = measured ?? 'unknown';
  return {
    name,
    ok: verdict === true,
    status: verdict === null ? ('unknown' as const) : verdict ? ('ok' as const) : ('failed' as const),
    measured,
    limit,
    message: verdict === true ? `${name}: ${value}` : `${name}: ${value}, limit ${limit ?? 'none'}`,
  };
}

function bytesText(value: number | null): string | null {
  return value === null ? null : `${value} bytes`;
}

export function presentMembers({ view }: CurrentView) {
  const now = Date.parse(view.at);
  const observer = view.nodes.find((node) => node.record.id === view.servedBy)?.report;
  return view.nodes.map((node) => ({
    node_id: node.record.id,
    address: node.record.host,
    port: node.record.agentPort,
    state: memberState(node, view.config.leaseMs),
    incarnation: node.record.incarnation,
    last_heartbeat: node.reportAgeMs === null ? null : lastHeartbeat(node, now),
    suspicion: observer?.links.find((link) => link.peer === node.record.id)?.phi ?? null,
    raft_role: node.raftRole,
    group: node.record.group,
    region: node.record.region,
  }));
}

/** For display: suspect after half a lease of silence, dead after a whole one. */
function memberState(node: NodeView, leaseMs: number): 'alive' | 'suspect' | 'dead' | 'left' {
  if (node.record.wanted === 'stopped' && node.status === 'stopped') return 'left';
  if (node.reportAgeMs === null || node.reportAgeMs > leaseMs) return 'dead';
  return node.reportAgeMs > leaseMs / 2 ? 'suspect' : 'alive';
}
