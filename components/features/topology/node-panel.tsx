'use client';
import { X } from 'lucide-react';
import Link from 'next/link';
import { useLiveNode, useTopology } from '../../providers/live';
import type { ClusterNode, Topology, Link as WireLink } from '../../providers/wire';
import { Button } from '../../ui/button';
import { formatBytes, formatDuration, formatMicros, formatNumber } from '../../ui/format';
import { Facts, Panel } from '../../ui/panel';
import { stateWord } from '../../ui/state-words';
import { Status } from '../../ui/status';
import { connectionsText, heard } from '../nodes/heard';
import { agoText, lagBytesText, lagSample, lagTimeText } from '../nodes/lag-sample';
import { NodeActions } from '../nodes/node-actions';

/** What is selected on the map, with its actions. */
export function NodePanel({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const node = useLiveNode(id);
  const topology = useTopology();
  const links =
    topology?.links.filter((link) => link.kind === 'replication' && (link.from === id || link.to === id)) ?? [];
  return (
    <Panel
      className="w-80 shrink-0 overflow-y-auto max-lg:w-full"
      title={id}
      actions={
        <Button variant="ghost" size="sm" aria-label="Close the panel" onClick={onClose}>
          <X aria-hidden />
        </Button>
      }
    >
      {node === null || node === undefined ? (
        <p className="text-muted">{id} is not a member any more.</p>
      ) : (
        <div className="grid gap-3">
          <div className="flex flex-wrap gap-1">
            <Status value={node.role} />
            <Status value={node.status} />
          </div>
          <p className="text-muted">{node.activity ?? node.status_reason}</p>
          <Facts facts={factsOf(node, topology)} />
          {links.length > 0 ? <Links links={links} id={id} /> : null}
          <div className="flex flex-wrap gap-1.5">
            <Button size="sm" variant="primary" asChild>
              <Link href={`/nodes/${node.id}`}>Open the node</Link>
            </Button>
            <NodeActions node={node} size="sm" />
          </div>
        </div>
      )}
    </Panel>
  );
}

function factsOf(node: ClusterNode, topology: Topology | undefined) {
  const lag = topology === undefined ? null : lagSample(node, topology);
  return [
    { label: 'Group', value: node.group },
    { label: 'Region', value: node.region },
    { label: 'Address', value: <span className="num">{`${node.address}:${node.port}`}</span> },
    {
      label: 'LSN',
      value: (
        <>
          <span className="num">{node.lsn ?? '–'}</span>
          <span className="text-muted">{node.lsn === null ? '' : agoText(node.report_age_ms)}</span>
        </>
      ),
      hint: 'Up to where this node has WAL, as it told itself',
    },
    ...(node.role === 'standby' && lag !== null
      ? [
          {
            label: 'Lag',
            value: lagBytesText(lag),
            hint: 'The primary’s newest WAL less what is replayed here, both in one sample of the primary',
          },
          { label: 'Replay delay', value: lagTimeText(lag), hint: 'Measured by this node' },
        ]
      : [{ label: 'Writes', value: heard(node, `${formatNumber(node.transactions_per_second)} tx/s`) ?? 'unknown' }]),
    { label: 'Connections', value: connectionsText(node) ?? '–' },
    { label: 'Control store', value: node.raft_role },
    {
      label: 'Last report',
      value: node.report_age_ms === null ? 'none to the present leader' : `${formatDuration(node.report_age_ms)} ago`,
    },
  ];
}

function Links({ links, id }: { readonly links: readonly WireLink[]; readonly id: string }) {
  return (
    <div>
      <h3 className="mb-1 font-medium">Replication links</h3>
      <ul className="grid gap-1">
        {links.map((link) => (
          <li key={`${link.from}-${link.to}`} className="flex items-center justify-between gap-2">
            <span>{link.from === id ? `to ${link.to}` : `from ${link.from}`}</span>
            <span className="text-muted">
              {stateWord(link.state)}
              {link.lag_bytes === null ? '' : ` · ${formatBytes(link.lag_bytes)}`}
              {link.rtt_us === null ? '' : ` · ${formatMicros(link.rtt_us)}`}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
