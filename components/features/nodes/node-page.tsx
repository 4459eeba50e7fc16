'use client';
import Link from 'next/link';
import { EmptyState } from '../../feedback/states';
import { useLiveNode, useTopology } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import type { ClusterNode } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { PageHeader } from '../../ui/panel';
import { PanelSkeleton, Skeleton } from '../../ui/skeleton';
import { Badge, Status, toneIcon } from '../../ui/status';
import { Tabs } from '../../ui/tabs';
import { actionReasons } from './action-reasons';
import { lagText } from './heard';
import { NeedsServer } from './needs-server';
import { NodeActions } from './node-actions';
import { NodeLinks } from './node-links';
import { NodeLog } from './node-log';
import { NodeResources } from './node-resources';
import { NodeSessions } from './node-sessions';
import { NodeSettings } from './node-settings';
import { NodeState } from './node-state';
import { NodeWal } from './node-wal';

export function NodePage({ id }: { readonly id: string }) {
  const node = useLiveNode(id);
  const topology = useTopology();
  if (node === undefined || topology === undefined) {
    return (
      <div className="grid gap-3">
        <Skeleton className="h-7 w-40" />
        <Skeleton className="w-96 max-w-full" />
        <PanelSkeleton label="the node" lines={8} />
      </div>
    );
  }
  if (node === null) {
    return (
      <EmptyState
        title={`There is no node ${id}`}
        action={
          <Button asChild>
            <Link href="/nodes">All nodes</Link>
          </Button>
        }
      >
        It was removed, or it belongs to another cluster.
      </EmptyState>
    );
  }
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-2">
            {node.id}
            <Status value={node.role} />
            <Status value={node.status} />
            {node.raft_role === 'leader' ? <Badge tone="busy">control store leader</Badge> : null}
          </span>
        }
        sentence={sentenceOf(node)}
        actions={
          <>
            <Promote node={node} />
            <NodeActions node={node} />
            <CopyAs
              call={{
                method: 'GET',
                path: `/cluster/nodes/${node.id}`,
              }}
            />
          </>
        }
      />
      {node.troubles.length > 0 ? (
        <ul role="alert" className="mb-3 grid gap-1 rounded-lg border border-bad bg-bad-soft p-3">
          {node.troubles.map((trouble) => (
            <li key={trouble} className="flex gap-2">
              <toneIcon.bad className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden />
              {trouble}
            </li>
          ))}
        </ul>
      ) : null}
      <Tabs
        label={`Parts of ${node.id}`}
        tabs={[
          { id: 'state', label: 'State', content: <NodeState node={node} topology={topology} /> },
          { id: 'resources', label: 'Resources', content: <NodeResources id={node.id} /> },
          {
            id: 'sessions',
            label: 'Sessions',
            content: (
              <NeedsServer node={node} what="its sessions">
                <NodeSessions id={node.id} />
              </NeedsServer>
            ),
          },
          {
            id: 'wal',
            label: 'WAL',
            content: (
              <NeedsServer node={node} what="its WAL and slots">
                <NodeWal id={node.id} />
              </NeedsServer>
            ),
          },
          { id: 'links', label: 'Links', content: <NodeLinks id={node.id} topology={topology} /> },
          { id: 'log', label: 'Log', content: <NodeLog id={node.id} /> },
          {
            id: 'settings',
            label: 'Settings',
            content: (
              <NeedsServer node={node} what="its settings">
                <NodeSettings node={node} />
              </NeedsServer>
            ),
          },
        ]}
      />
    </>
  );
}

function sentenceOf(node: ClusterNode): string {
  const doing = node.activity ?? node.status_reason;
  const lag = node.role === 'standby' && node.lag_bytes ? ` Lag: ${lagText(node)}.` : '';
  return `${doing}${lag}`;
}

function Promote({ node }: { readonly node: ClusterNode }) {
  const role = useRoleReason('operator');
  const reason = role ?? actionReasons(node).promote;
  return (
    <Button variant="primary" asChild disabledReason={reason}>
      <Link href={`/failover/new?group=${node.group}&target=${node.id}&step=checks`}>Make primary</Link>
    </Button>
  );
}
