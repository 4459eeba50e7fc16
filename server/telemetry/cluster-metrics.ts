/** The groups, the control store and how old this console's picture of both is. */
import { isProtected } from './protection';
import { ofGroup, perGroup, type Sample, type ViewMetric } from './view-metric';

export const clusterMetrics: readonly ViewMetric[] = [
  {
    name: 'rustydb_view_age_seconds',
    help: 'How long ago the engine confirmed what this console shows',
    labels: [],
    samples: ({ ageMs }) => [[{}, ageMs / 1000]],
  },
  {
    name: 'rustydb_view_live',
    help: '1: a controller with a majority tells the view; 0: a node tells what it last knew',
    labels: [],
    samples: ({ live }) => [[{}, live]],
  },
  {
    name: 'rustydb_cluster_has_quorum',
    help: '1: the control store has a majority',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.hasQuorum]],
  },
  {
    name: 'rustydb_cluster_problems',
    help: 'Open problems',
    labels: ['rule', 'severity'],
    samples: ({ view }) => {
      const counted = new Map<string, [Record<string, string>, number]>();
      for (const { rule, severity } of view.problems) {
        const entry = counted.get(`${rule} ${severity}`) ?? [{ rule, severity }, 0];
        entry[1]++;
        counted.set(`${rule} ${severity}`, entry);
      }
      return [...counted.values()];
    },
  },
  {
    name: 'rustydb_group_writable',
    help: '1: a primary takes writes',
    labels: ['group'],
    samples: perGroup(({ writable }) => writable),
  },
  {
    name: 'rustydb_group_has_primary',
    help: '1: a server of the group runs as primary under its lease',
    labels: ['group'],
    samples: perGroup(({ record }, { view }) =>
      view.nodes.some(
        ({ record: node, report }) =>
          node.id === record.primary && report?.postgres.state === 'primary' && report.lease?.held === true,
      ),
    ),
  },
  {
    name: 'rustydb_group_degraded',
    help: '1: commits wait for fewer standbys than the mode asks for',
    labels: ['group'],
    samples: perGroup(({ degraded }) => degraded),
  },
  {
    name: 'rustydb_group_protected',
    help: '1: what is acknowledged survives the loss of the primary',
    labels: ['group'],
    samples: perGroup((group) => isProtected(group)),
  },
  {
    name: 'rustydb_group_epoch',
    help: 'Rises by one at each change of primary',
    labels: ['group'],
    samples: perGroup(({ record }) => record.epoch),
  },
  {
    name: 'rustydb_group_lease_remaining_seconds',
    help: 'Until the lease of the primary may be granted to another; absent while no controller can tell',
    labels: ['group'],
    samples: perGroup(({ leaseExpiresInMs }) => (leaseExpiresInMs === null ? null : leaseExpiresInMs / 1000)),
  },
  {
    name: 'rustydb_group_voters',
    help: 'Standbys whose acknowledgement counts',
    labels: ['group'],
    samples: perGroup(({ record }) => record.voterSet.members.length),
  },
  {
    name: 'rustydb_group_voters_needed',
    help: 'How many of them a commit waits for',
    labels: ['group'],
    samples: perGroup(({ record }) => record.voterSet.k),
  },
  {
    name: 'rustydb_group_waiting_commits',
    help: 'Commits on the primary that wait for a standby right now',
    labels: ['group'],
    samples: perGroup(
      ({ record }, { view }) =>
        view.nodes.find((node) => node.record.id === record.primary)?.report?.postgres.waitingCommits,
    ),
  },
  {
    name: 'rustydb_group_streaming_standbys',
    help: 'Standbys that stream from the primary',
    labels: ['group'],
    samples: perGroup(({ record }, { view }) => {
      const primary = view.nodes.find((node) => node.record.id === record.primary);
      return primary?.report?.postgres.senders.filter((sender) => sender.state === 'streaming').length;
    }),
  },
  {
    name: 'rustydb_group_data_at_risk_bytes',
    help: 'WAL that only the primary has',
    labels: ['group'],
    samples: perGroup(({ dataAtRiskBytes }) => dataAtRiskBytes),
  },
  {
    name: 'rustydb_group_operation_running',
    help: '1: an operation holds the group',
    labels: ['group'],
    samples: ({ view }) => view.groups.map((group): Sample => [ofGroup(group), group.record.operation !== null]),
  },
  {
    name: 'rustydb_raft_term',
    help: 'Term of the control store',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.term]],
  },
  {
    name: 'rustydb_raft_commit_index',
    help: 'Last entry that a majority has',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.commitIndex]],
  },
  {
    name: 'rustydb_raft_applied_index',
    help: 'Last entry that the answering node has applied',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.appliedIndex]],
  },
  {
    name: 'rustydb_raft_voters',
    help: 'Voters of the control store',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.configuration.voters.length]],
  },
  {
    name: 'rustydb_raft_quorum_size',
    help: 'Voters that a majority needs',
    labels: [],
    samples: ({ view }) => [[{}, view.raft.quorumSize]],
  },
  {
    name: 'rustydb_raft_leader',
    help: '1: the node leads the control store',
    labels: ['node'],
    samples: ({ view }) => view.nodes.map(({ record }) => [{ node: record.id }, record.id === view.raft.leader]),
  },
  {
    name: 'rustydb_raft_peer_behind_entries',
    help: 'Committed entries that a member is not known to have',
    labels: ['node'],
    samples: ({ view }) =>
      view.raft.peers.map(({ id, matchIndex }) => [
        { node: id },
        matchIndex === null ? null : Math.max(0, view.raft.commitIndex - matchIndex),
      ]),
  },
  {
    name: 'rustydb_raft_peer_last_contact_seconds',
    help: 'How long ago a member answered the leader',
    labels: ['node'],
    samples: ({ view }) =>
      view.raft.peers.map(({ id, lastContactMs }) => [
        { node: id },
        lastContactMs === null ? null : lastContactMs / 1000,
      ]),
  },
  {
    name: 'rustydb_operations_running',
    help: 'Operations that have not ended',
    labels: ['kind', 'state'],
    samples: ({ view }) => {
      const counted = new Map<string, [Record<string, string>, number]>();
      for (const { kind, state } of view.operations) {
        const entry = counted.get(`${kind} ${state}`) ?? [{ kind, state }, 0];
        entry[1]++;
        counted.set(`${kind} ${state}`, entry);
      }
      return [...counted.values()];
    },
  },
];
