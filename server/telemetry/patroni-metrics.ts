/**
 * What Patroni exports too, under the same name with our prefix, the same meaning and unit, so that dashboards and rules can be carried over.
 * Patroni's labels scope and name are group and node here. The mapping stands in docs/metrics.md.
 */
import type { NodeView } from '@/engine/cluster/model';
import { type LsnText, parseLsn } from '@/engine/kernel/lsn';
import { version } from '@/package.json';
import type { CurrentView } from '@/server/engine-client/api';
import { ofNode, perGroup, perServer, type ViewMetric } from './view-metric';

const running = new Set(['primary', 'standby', 'recovering', 'starting', 'stopping']);
const perMember = ['node', 'group'];

function bytes(lsn: LsnText | null): number | null {
  return lsn === null ? null : Number(parseLsn(lsn));
}

/** 18.4 → 180004, as PostgreSQL numbers its versions. */
function versionNumber(version: string | null): number | null {
  const match = /^(\d+)(?:\.(\d+))?/.exec(version ?? '');
  return match ? Number(match[1]) * 10_000 + Number(match[2] ?? 0) : null;
}

/** 1.2.3 → 10203. */
function productNumber(text: string): number {
  const [major = 0, minor = 0, patch = 0] = text.split(/[.-]/).map(Number);
  return major * 10_000 + minor * 100 + patch;
}

/** How its group's primary counts a standby that streams from it; null: it does not. */
function syncStateOf(node: NodeView, { view }: CurrentView): string | null {
  const group = view.groups.find((one) => one.record.name === node.record.group);
  const primary = view.nodes.find((one) => one.record.id === group?.record.primary);
  const sender = primary?.report?.postgres.senders.find((one) => one.applicationName === node.record.id);
  return sender?.state === 'streaming' ? sender.syncState : null;
}

function countsAs(state: string): ViewMetric['samples'] {
  return (current) => current.view.nodes.map((node) => [ofNode(node), syncStateOf(node, current) === state]);
}

export const patroniMetrics: readonly ViewMetric[] = [
  {
    name: 'rustydb_version',
    help: 'Version of this console: 10203 is 1.2.3',
    labels: [],
    samples: () => [[{}, productNumber(version)]],
  },
  {
    name: 'rustydb_postgres_running',
    help: '1: a PostgreSQL server runs on the node',
    labels: perMember,
    samples: perServer(({ state }) => running.has(state)),
  },
  {
    name: 'rustydb_postmaster_start_time',
    help: 'When the server was started, seconds since 1970',
    labels: perMember,
    samples: perServer(({ startedAt }) => (startedAt === null ? null : Date.parse(startedAt) / 1000)),
  },
  {
    name: 'rustydb_primary',
    help: '1: the server takes writes under the lease of its group',
    labels: perMember,
    samples: perServer(({ state }, { report }) => state === 'primary' && report?.lease?.held === true),
  },
  {
    name: 'rustydb_replica',
    help: '1: the server is a standby',
    labels: perMember,
    samples: perServer(({ state }) => state === 'standby'),
  },
  {
    name: 'rustydb_sync_standby',
    help: '1: every commit waits for this standby',
    labels: perMember,
    samples: countsAs('sync'),
  },
  {
    name: 'rustydb_quorum_standby',
    help: '1: commits wait for some of the standbys that this one is among',
    labels: perMember,
    samples: countsAs('quorum'),
  },
  {
    name: 'rustydb_xlog_location',
    help: 'WAL position of a primary, bytes; 0 for others',
    labels: perMember,
    samples: perServer(({ state, lsn }) => (state === 'primary' ? bytes(lsn) : 0)),
  },
  {
    name: 'rustydb_xlog_received_location',
    help: 'WAL that a standby has received, bytes; 0 for others',
    labels: perMember,
    samples: perServer(({ state, receiveLsn }) => (state === 'standby' ? bytes(receiveLsn) : 0)),
  },
  {
    name: 'rustydb_xlog_replayed_location',
    help: 'WAL that a standby has replayed, bytes; 0 for others',
    labels: perMember,
    samples: perServer(({ state, replayLsn }) => (state === 'standby' ? bytes(replayLsn) : 0)),
  },
  {
    name: 'rustydb_xlog_paused',
    help: '1: replay is paused',
    labels: perMember,
    samples: perServer(({ replayPaused }) => replayPaused),
  },
  {
    name: 'rustydb_postgres_streaming',
    help: '1: the standby receives WAL as it is written',
    labels: perMember,
    samples: perServer(({ walReceiver }) => walReceiver?.status === 'streaming'),
  },
  {
    name: 'rustydb_postgres_in_archive_recovery',
    help: '1: a standby that recovers without a stream',
    labels: perMember,
    samples: perServer(
      ({ state, walReceiver }) =>
        (state === 'standby' || state === 'recovering') && walReceiver?.status !== 'streaming',
    ),
  },
  {
    name: 'rustydb_postgres_server_version',
    help: 'Version of the server: 180004 is 18.4',
    labels: perMember,
    samples: perServer(({ version }) => versionNumber(version)),
  },
  {
    name: 'rustydb_postgres_timeline',
    help: 'Timeline of the server',
    labels: perMember,
    samples: perServer(({ timeline }) => timeline),
  },
  {
    name: 'rustydb_pending_restart',
    help: '1: a setting waits for a restart',
    labels: perMember,
    samples: perServer(({ pendingRestart }) => pendingRestart),
  },
  {
    name: 'rustydb_dcs_last_seen',
    help: 'When the controller last heard the node’s agent, seconds since 1970',
    labels: perMember,
    samples: ({ view, ageMs }) =>
      view.nodes.map((node) => [
        ofNode(node),
        node.reportAgeMs === null ? null : Math.floor((Date.now() - ageMs - node.reportAgeMs) / 1000),
      ]),
  },
  {
    name: 'rustydb_cluster_unlocked',
    help: '1: nobody holds the lease of the group; absent while no controller can tell',
    labels: ['group'],
    samples: perGroup((group, { view, live }) =>
      live && view.raft.hasQuorum ? group.leaseExpiresInMs === null || group.leaseExpiresInMs <= 0 : null,
    ),
  },
  {
    name: 'rustydb_failsafe_mode_is_active',
    help: '1: the primary goes on writing without a control majority, because all its voters confirm it',
    labels: ['group'],
    samples: perGroup((group, { view }) => !view.raft.hasQuorum && group.writable),
  },
  {
    name: 'rustydb_is_paused',
    help: '1: the group does not fail over by itself',
    labels: ['group'],
    samples: perGroup(
      ({ record }, { view }) =>
        !view.config.autoFailover || !record.automaticFailover || record.automaticFailoverPausedBy !== null,
    ),
  },
];
