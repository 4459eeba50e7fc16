'use client';
/** Activity → Transactions: what runs over several servers, what is in doubt, and who can take part. */
import { useQuery } from '@tanstack/react-query';
import { QueryView } from '../../feedback/query-view';
import { useTRPC } from '../../providers/trpc';
import { CopyAs } from '../../ui/copy-as';
import { formatDuration, formatNumber } from '../../ui/format';
import { Facts, PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Tabs } from '../../ui/tabs';
import { Time } from '../../ui/time';
import { InDoubt } from './in-doubt';
import { ResourceManagers } from './resource-managers';
import { TransactionList } from './transaction-list';

export function TransactionsPage() {
  return (
    <>
      <PageHeader
        title="Transactions"
        sentence="Distributed transactions commit on every resource manager or on none. What is prepared survives restarts and is ended as decided."
      />
      <Tabs
        label="Transactions"
        tabs={[
          { id: 'running', label: 'Distributed', content: <TransactionList /> },
          { id: 'in-doubt', label: 'In doubt', content: <InDoubt /> },
          { id: 'managers', label: 'Resource managers', content: <ResourceManagers /> },
          { id: 'statistics', label: 'Statistics', content: <Statistics /> },
        ]}
      />
    </>
  );
}

function Statistics() {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getTransactionStats.queryOptions({}), refetchInterval: 3000 });
  return (
    <Panel
      title="Two-phase commit"
      note="measured every 3 s"
      actions={<CopyAs call={{ method: 'GET', path: '/cluster/transactions/stats' }} />}
    >
      <QueryView query={query} what="the statistics" skeleton={<PanelSkeleton label="statistics" />}>
        {(stats) => (
          <div className="grid gap-3">
            <p>
              Counted by {stats.coordinator_node} of {stats.coordinator_group} since <Time at={stats.since} />.
            </p>
            <Facts
              facts={[
                { label: 'Started', value: formatNumber(stats.started) },
                { label: 'Committed', value: formatNumber(stats.committed) },
                { label: 'Rolled back', value: formatNumber(stats.rolled_back) },
                { label: 'Committed in one phase', value: formatNumber(stats.one_phase) },
                { label: 'Rolled back at their deadline', value: formatNumber(stats.timed_out) },
                { label: 'Branches ended by hand', value: formatNumber(stats.heuristic) },
                { label: 'Branches ended without their coordinator', value: formatNumber(stats.resolved_by_janitor) },
                { label: 'Active now', value: formatNumber(stats.active) },
                { label: 'Prepared now', value: formatNumber(stats.prepared) },
                { label: 'Decided, not all told', value: formatNumber(stats.unfinished) },
                ...(['prepare', 'decide', 'commit', 'total'] as const).map((phase) => ({
                  label: `Latency: ${phase}`,
                  value: latencyText(stats.latencies[phase]),
                  hint: 'median · 95th · 99th percentile · longest, over the last 4,096',
                })),
              ]}
            />
          </div>
        )}
      </QueryView>
    </Panel>
  );
}

type Latency = { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | null;

function latencyText(latency: Latency): string {
  if (latency === null) return 'none yet';
  return [latency.p50, latency.p95, latency.p99, latency.max].map(formatDuration).join(' · ');
}
