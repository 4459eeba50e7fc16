'use client';
/** Disk and when it will be full, WAL kept by slots, connections and CPU per node, fullest first. */
import Link from 'next/link';
import type { ClusterNode, Topology } from '../../providers/wire';
import { cn } from '../../ui/cn';
import { formatBytes, formatDuration, formatPercent } from '../../ui/format';
import { Panel } from '../../ui/panel';
import { connectionsText, diskFree, heard, silentFor } from '../nodes/heard';
import { share } from './share';

const shown = 8;

export function CapacityPanel({ topology }: { readonly topology: Topology }) {
  const nodes = [...topology.nodes].sort((a, b) => fullest(b) - fullest(a)).slice(0, shown);
  return (
    <Panel
      title="Capacity"
      {...(topology.nodes.length > shown ? { note: `the ${shown} fullest of ${topology.nodes.length} nodes` } : {})}
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <section className="shade-x overflow-x-auto" tabIndex={0} aria-label="Capacity of the nodes">
        <table className="w-full">
          <thead>
            <tr className="text-left text-muted">
              <th scope="col" className="pr-3 pb-1 font-medium">
                Node
              </th>
              <th scope="col" className="pr-3 pb-1 font-medium">
                Disk
              </th>
              <th scope="col" className="pr-3 pb-1 font-medium" title="Most WAL that any one replication slot keeps">
                WAL kept
              </th>
              <th scope="col" className="pr-3 pb-1 font-medium">
                Connections
              </th>
              <th scope="col" className="pr-3 pb-1 font-medium">
                CPU
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr
                key={node.id}
                className={silentFor(node) === null ? '' : 'opacity-60'}
                title={
                  silentFor(node) === null ? undefined : `From its last report, ${formatDuration(silentFor(node))} ago`
                }
              >
                <th scope="row" className="whitespace-nowrap py-0.5 pr-2 text-left font-normal">
                  <Link href={`/nodes/${node.id}`} className="hover:underline">
                    {node.id}
                  </Link>
                </th>
                <td className="py-0.5 pr-3">
                  {diskFree(node) === null ? (
                    <span className="text-muted">{node.report_age_ms === null ? 'not heard' : 'not measured yet'}</span>
                  ) : (
                    <Bar
                      percent={share(node.disk_used_bytes, node.disk_total_bytes)}
                      text={`${formatBytes(diskFree(node))} free`}
                    />
                  )}
                  <DiskOutlook ms={node.disk_full_in_ms} />
                </td>
                <td className="num whitespace-nowrap py-0.5 pr-3">{formatBytes(node.slot_retained_bytes)}</td>
                <td className="py-0.5 pr-3">
                  {connectionsText(node) === null ? (
                    '–'
                  ) : (
                    <Bar percent={share(node.connections, node.max_connections)} text={connectionsText(node) ?? ''} />
                  )}
                </td>
                <td className="py-0.5">
                  {heard(node, true) ? <Bar percent={node.cpu_usage} text={formatPercent(node.cpu_usage)} /> : '–'}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Panel>
  );
}

const soonMs = 7 * 24 * 3_600_000;

function DiskOutlook({ ms }: { readonly ms: number | null }) {
  if (ms === null) return null;
  return (
    <span
      className={cn('num block whitespace-nowrap', ms < soonMs ? 'text-warn' : 'text-muted')}
      title="If it fills as in the last hour"
    >
      full in {formatDuration(ms)}
    </span>
  );
}

function fullest(node: ClusterNode): number {
  return Math.max(share(node.disk_used_bytes, node.disk_total_bytes), share(node.connections, node.max_connections));
}

export function Bar({ percent, text }: { readonly percent: number; readonly text: string }) {
  const width = Math.min(100, Math.max(0, percent));
  return (
    <span className="block">
      <span className="num whitespace-nowrap">{text}</span>
      <span className="block h-1 w-full min-w-14 overflow-hidden rounded-full bg-raised">
        <span
          className={cn('block h-full', width >= 95 ? 'bg-bad' : width >= 80 ? 'bg-warn' : 'bg-line-strong')}
          style={{ width: `${width}%` }}
        />
      </span>
    </span>
  );
}
