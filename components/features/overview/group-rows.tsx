'use client';
/** Groups as rows: primary, standbys with lag and its trend, mode, write rate, data at risk. */
import { useQuery } from '@tanstack/react-query';
import { Crown, Hand } from 'lucide-react';
import Link from 'next/link';
import { Sparkline } from '../../charts/sparkline';
import { EmptyState } from '../../feedback/states';
import { useLagHistory, useLiveOperations } from '../../providers/live';
import { lagTrend, trendMinutes } from '../../providers/live-history';
import { longestPage } from '../../providers/pages';
import { useTRPC } from '../../providers/trpc';
import type { ClusterNode, Group, Topology } from '../../providers/wire';
import { cn } from '../../ui/cn';
import { formatBytes, formatDuration, formatNumber } from '../../ui/format';
import { stateWord } from '../../ui/state-words';
import { Badge, Status, toneIcon, toneText } from '../../ui/status';
import { changingGroups, isPlannedPause, writeWord } from '../frame/alarm';

/** Beyond this many nodes the page shows the trend of what it saw itself: it must not ask each of a thousand. */
const askedNodes = 40;

export function GroupRows({ topology }: { readonly topology: Topology }) {
  const changing = changingGroups(useLiveOperations() ?? []);
  if (topology.groups.length === 0) {
    return (
      <div className="p-3">
        <EmptyState title="No groups yet">
          A group is one primary and its standbys. The first start creates them from the topology file.
        </EmptyState>
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <section className="shade-x overflow-x-auto" tabIndex={0} aria-label="Groups">
      <table className="w-full">
        <thead>
          <tr className="text-left text-muted">
            <Head>Group</Head>
            <Head>Primary</Head>
            <Head>Standbys</Head>
            <Head>Commit mode</Head>
            <Head right>Writes</Head>
            <Head right>At risk</Head>
            <Head className="max-xl:hidden">Now</Head>
          </tr>
        </thead>
        <tbody>
          {topology.groups.map((group) => (
            <GroupRow
              key={group.name}
              group={group}
              planned={isPlannedPause(topology.problems, group.name, changing)}
              nodes={topology.nodes.filter((node) => node.group === group.name)}
              askNodes={topology.nodes.length <= askedNodes}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Head({
  children,
  right,
  className,
}: {
  readonly children: string;
  readonly right?: boolean;
  readonly className?: string;
}) {
  return (
    <th
      scope="col"
      className={cn('whitespace-nowrap border-line border-b px-3 py-1 font-medium', right && 'text-right', className)}
    >
      {children}
    </th>
  );
}

type GroupProps = {
  readonly group: Group;
  /** Its writes pause on purpose, as planned. */
  readonly planned: boolean;
  readonly nodes: readonly ClusterNode[];
  readonly askNodes: boolean;
};

function GroupRow({ group, planned, nodes, askNodes }: GroupProps) {
  const standbys = nodes.filter((node) => node.id !== group.primary);
  const tone = !group.writable ? (planned ? 'busy' : 'bad') : group.degraded ? 'warn' : 'ok';
  const Icon = toneIcon[tone];
  const cell = 'border-line border-b px-3 py-2 align-top';
  return (
    <tr data-group={group.name}>
      <th scope="row" className={cn(cell, 'text-left font-semibold')}>
        <span className="flex items-center gap-1.5">
          <Icon className={cn('size-4', toneText[tone])} aria-label={writeWord(group, planned)} />
          {group.name}
        </span>
        <span
          className="whitespace-nowrap font-normal text-muted"
          title="The epoch counts the primaries of a group: each new one gets the next number"
        >
          epoch {group.epoch}
        </span>
        {/* Narrow pages have no column for it. */}
        <span className="block min-w-32 font-normal text-muted xl:hidden">{group.sentence}</span>
      </th>
      <td className={cell}>
        {group.primary ? (
          <Link
            href={`/nodes/${group.primary}`}
            className="flex items-center gap-1.5 whitespace-nowrap font-medium hover:underline"
          >
            <Crown className="size-3.5" aria-hidden />
            {group.primary}
          </Link>
        ) : (
          <Badge tone="bad">none</Badge>
        )}
        <span
          className="whitespace-nowrap text-muted"
          title="Only its holder may take writes; when it runs out, the group fails over"
        >
          {group.lease_expires_in_ms === null ? 'no lease' : `lease ${formatDuration(group.lease_expires_in_ms)}`}
        </span>
      </td>
      <td className={cell}>
        {standbys.length === 0 ? <span className="text-muted">none</span> : null}
        <ul className="grid gap-0.5">
          {standbys.map((node) => (
            <StandbyLine key={node.id} node={node} voter={group.voters.includes(node.id)} askNode={askNodes} />
          ))}
        </ul>
      </td>
      <td className={cell}>
        <span title={group.mode} className="whitespace-nowrap">
          {stateWord(group.mode)}
        </span>
        <span className="block whitespace-nowrap text-muted">
          {group.voters.length === 0
            ? 'no voter'
            : `${group.required_acknowledgements} of ${group.voters.length} must answer`}
        </span>
        {group.automatic_failover ? null : (
          <Badge tone="warn" icon={Hand} title={group.automatic_failover_paused_by ?? ''}>
            automatic failover paused
          </Badge>
        )}
      </td>
      <td className={cn(cell, 'num whitespace-nowrap text-right')}>
        {formatNumber(group.write_rate, group.write_rate < 10 ? 1 : 0)} tx/s
        {group.waiting_commits > 0 ? <span className="block text-warn">{group.waiting_commits} waiting</span> : null}
      </td>
      <td
        className={cn(
          cell,
          'num whitespace-nowrap text-right',
          (group.data_at_risk_bytes ?? 0) > 0 && group.mode === 'asynchronous' && 'text-warn',
        )}
      >
        {formatBytes(group.data_at_risk_bytes)}
      </td>
      <td className={cn(cell, 'min-w-52 text-muted max-xl:hidden')}>{group.sentence}</td>
    </tr>
  );
}

/** What the node kept of the last quarter of an hour, and what the page saw since. */
function useLagTrend(id: string, askNode: boolean) {
  const trpc = useTRPC();
  const history = useLagHistory();
  const { data } = useQuery({
    ...trpc.cluster.getNodeResources.queryOptions({ id, minutes: trendMinutes, limit: longestPage }),
    enabled: askNode,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return lagTrend(data?.items ?? [], history, id, history.at.at(-1) ?? Date.now());
}

type StandbyProps = { readonly node: ClusterNode; readonly voter: boolean; readonly askNode: boolean };

function StandbyLine({ node, voter, askNode }: StandbyProps) {
  const trend = useLagTrend(node.id, askNode);
  const lag =
    node.lag_bytes === null ? 'lag unknown' : node.lag_bytes === 0 ? 'no lag' : `${formatBytes(node.lag_bytes)} behind`;
  return (
    <li className="flex items-center gap-2">
      <Link href={`/nodes/${node.id}`} className="min-w-16 shrink-0 whitespace-nowrap hover:underline">
        {node.id}
      </Link>
      <Sparkline values={trend} label={`Lag of ${node.id} in the last ${trendMinutes} minutes: now ${lag}`} />
      <span className="num w-32 shrink-0 whitespace-nowrap text-muted">{lag}</span>
      {node.status === 'healthy' ? null : <Status value={node.status} title={node.status_reason} />}
      {voter ? <Badge title="Its acknowledgement counts for commits">voter</Badge> : null}
    </li>
  );
}
