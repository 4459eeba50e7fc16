'use client';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { SeriesRow } from '../../charts/series';
import { TimeSeries } from '../../charts/time-series';
import { QueryView } from '../../feedback/query-view';
import { longestPage } from '../../providers/pages';
import { useTRPC } from '../../providers/trpc';
import type { Sample } from '../../providers/wire';
import { formatBytes, formatDuration, formatNumber, formatPercent, zoneName } from '../../ui/format';
import { Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { useUrlState } from '../../ui/url-state';

export function NodeResources({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const [minutes, setMinutes] = useUrlState('minutes', '15');
  const query = useQuery({
    // An hour of samples is one page: a chart is not read in parts.
    ...trpc.cluster.getNodeResources.queryOptions({ id, minutes: Number(minutes) || 15, limit: longestPage }),
    refetchInterval: 5000,
  });
  return (
    <QueryView query={query} what="the resources" skeleton={<PanelSkeleton label="resources" lines={8} />}>
      {({ items }) => (
        <div className="grid gap-3">
          <div className="flex items-center gap-3">
            <Select
              aria-label="Time range"
              className="w-44"
              value={minutes}
              options={['5', '15', '30', '60'].map((value) => ({ value, label: `Last ${value} minutes` }))}
              onChange={(event) => setMinutes(event.target.value)}
            />
            <span className="text-muted">Times in {zoneName(new Date())}</span>
          </div>
          <Charts samples={items} />
        </div>
      )}
    </QueryView>
  );
}

function Charts({ samples }: { readonly samples: readonly Sample[] }) {
  const rows = useMemo<readonly SeriesRow[]>(
    () =>
      samples.map((sample) => ({
        at: Date.parse(sample.at),
        cpu: sample.cpu_percent,
        memory: sample.memory_percent,
        tps: sample.transactions_per_second,
        connections: sample.connections,
        wal: sample.wal_bytes_per_second,
        lagBytes: sample.lag_bytes,
        lagMs: sample.replay_lag_ms,
        disk: sample.disk_total_bytes - sample.disk_used_bytes,
      })),
    [samples],
  );
  return (
    <div className="grid gap-3 lg:grid-cols-2">
      <Panel>
        <TimeSeries
          title="CPU and memory"
          rows={rows}
          domain={[0, 100]}
          format={(value) => formatPercent(value)}
          series={[
            { key: 'cpu', label: 'CPU' },
            { key: 'memory', label: 'memory' },
          ]}
        />
      </Panel>
      <Panel>
        <TimeSeries
          title="Transactions per second"
          rows={rows}
          format={(value) => formatNumber(value)}
          series={[{ key: 'tps', label: 'transactions/s' }]}
        />
      </Panel>
      <Panel>
        <TimeSeries
          title="WAL written or received"
          rows={rows}
          format={(value) => `${formatBytes(value)}/s`}
          series={[{ key: 'wal', label: 'bytes/s' }]}
        />
      </Panel>
      <Panel>
        <TimeSeries
          title="Connections"
          rows={rows}
          format={(value) => formatNumber(value)}
          series={[{ key: 'connections', label: 'connections' }]}
        />
      </Panel>
      <Panel>
        <TimeSeries
          title="Replay delay"
          none="A primary replays nothing: only a standby has one."
          rows={rows}
          format={(value) => formatDuration(value)}
          series={[{ key: 'lagMs', label: 'delay' }]}
        />
      </Panel>
      <Panel>
        <TimeSeries
          title="Lag in bytes"
          none="A primary is not behind anybody."
          rows={rows}
          format={(value) => formatBytes(value)}
          series={[{ key: 'lagBytes', label: 'behind' }]}
        />
      </Panel>
    </div>
  );
}
