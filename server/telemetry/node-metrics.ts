/** What the nodes tell of themselves: server, host, and the links between their agents. */
import type { PostgresReport } from '@/engine/cluster/model';
import { lagOf } from '@/server/procedures/shared/present-node';
import { ofNode, perNode, perServer, type ViewMetric } from './view-metric';

const perMember = ['node', 'group'];

export const nodeMetrics: readonly ViewMetric[] = [
  {
    name: 'rustydb_node_healthy',
    help: '1: the node is healthy',
    labels: ['node', 'group', 'role'],
    samples: ({ view }) => view.nodes.map((node) => [{ ...ofNode(node), role: node.role }, node.status === 'healthy']),
  },
  {
    name: 'rustydb_node_maintenance',
    help: '1: the node is in maintenance',
    labels: perMember,
    samples: perNode(({ record }) => record.maintenance),
  },
  {
    name: 'rustydb_node_lag_bytes',
    help: 'WAL of the primary that the node has not replayed',
    labels: perMember,
    samples: ({ view }) => {
      const primaries = new Map<string, PostgresReport>();
      for (const { role, record, report } of view.nodes) {
        if (role === 'primary' && report) primaries.set(record.group, report.postgres);
      }
      return view.nodes.map((node) => [ofNode(node), lagOf(node, primaries.get(node.record.group) ?? null).lag_bytes]);
    },
  },
  {
    name: 'rustydb_node_replay_lag_seconds',
    help: 'Age of the last replayed commit of a standby that is behind; 0: caught up',
    labels: perMember,
    samples: perServer(({ replayLagMs }) => (replayLagMs === null ? null : replayLagMs / 1000)),
  },
  {
    name: 'rustydb_node_connections',
    help: 'Client connections of the server',
    labels: perMember,
    samples: perServer(({ connections }) => connections),
  },
  {
    name: 'rustydb_node_max_connections',
    help: 'max_connections of the server',
    labels: perMember,
    samples: perServer(({ maxConnections }) => (maxConnections === 0 ? null : maxConnections)),
  },
  {
    name: 'rustydb_node_transactions_per_second',
    help: 'Transactions that ended in the last second or so',
    labels: perMember,
    samples: perServer(({ transactionsPerSecond }) => transactionsPerSecond),
  },
  {
    name: 'rustydb_node_waiting_commits',
    help: 'Commits that wait for a standby right now',
    labels: perMember,
    samples: perServer(({ waitingCommits }) => waitingCommits),
  },
  {
    name: 'rustydb_node_database_bytes',
    help: 'Size of the databases',
    labels: perMember,
    samples: perServer(({ databaseBytes }) => databaseBytes),
  },
  {
    name: 'rustydb_node_wal_since_checkpoint_bytes',
    help: 'WAL that a crash recovery would have to replay',
    labels: perMember,
    samples: perServer(({ walSinceCheckpointBytes }) => walSinceCheckpointBytes),
  },
  {
    name: 'rustydb_node_slot_retained_bytes',
    help: 'Most WAL that any one replication slot keeps on the node',
    labels: perMember,
    samples: perServer(({ slotRetainedBytes }) => slotRetainedBytes),
  },
  {
    name: 'rustydb_node_prepared_transactions',
    help: 'Prepared transactions that wait for their second phase',
    labels: perMember,
    samples: perServer(({ prepared }) => prepared?.count ?? null),
  },
  {
    name: 'rustydb_node_prepared_transaction_oldest_seconds',
    help: 'Age of the oldest prepared transaction; 0: there is none',
    labels: perMember,
    samples: perServer(({ prepared }) => (prepared ? (prepared.oldestSeconds ?? 0) : null)),
  },
  {
    name: 'rustydb_node_slots_lost',
    help: 'Replication slots whose WAL is gone',
    labels: perMember,
    samples: perServer(({ slotsLost }) => slotsLost),
  },
  {
    name: 'rustydb_node_cpu_percent',
    help: 'Processor time of the node’s processes, percent of the host',
    labels: perMember,
    samples: perNode(({ report }) => report?.cpuPercent),
  },
  {
    name: 'rustydb_node_memory_bytes',
    help: 'Memory of the node’s processes',
    labels: perMember,
    samples: perNode(({ report }) => report?.memoryBytes),
  },
  {
    name: 'rustydb_node_disk_used_bytes',
    help: 'Used on the file system of the node’s data',
    labels: perMember,
    samples: perNode(({ report }) => report?.diskUsedBytes),
  },
  {
    name: 'rustydb_node_disk_total_bytes',
    help: 'Size of the file system of the node’s data',
    labels: perMember,
    samples: perNode(({ report }) => report?.diskTotalBytes),
  },
  {
    name: 'rustydb_node_event_loop_delay_seconds',
    help: 'Longest time in the last second for which the agent could do nothing',
    labels: perMember,
    samples: perNode(({ report }) => (report ? report.loopBlockMs / 1000 : null)),
  },
  {
    name: 'rustydb_interconnect_rtt_seconds',
    help: 'Median round trip between two agents',
    labels: ['from', 'to'],
    samples: ({ view }) =>
      view.nodes.flatMap(({ record, report }) =>
        (report?.links ?? []).map(
          (link) => [{ from: record.id, to: link.peer }, link.rttUs === null ? null : link.rttUs / 1e6] as const,
        ),
      ),
  },
  {
    name: 'rustydb_interconnect_connected',
    help: '1: the agents are connected',
    labels: ['from', 'to'],
    samples: ({ view }) =>
      view.nodes.flatMap(({ record, report }) =>
        (report?.links ?? []).map((link) => [{ from: record.id, to: link.peer }, link.connected] as const),
      ),
  },
];
