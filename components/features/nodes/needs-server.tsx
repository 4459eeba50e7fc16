'use client';
/** What only a running PostgreSQL can answer: without one the page says why there is nothing, instead of showing a failed connection. */
import type { ReactNode } from 'react';
import { EmptyState } from '../../feedback/states';
import type { ClusterNode } from '../../providers/wire';

export function NeedsServer({
  node,
  what,
  children,
}: {
  readonly node: ClusterNode;
  /** As in "to see its sessions". */
  readonly what: string;
  readonly children: ReactNode;
}) {
  if (node.postgres_state !== 'stopped') return children;
  return (
    <EmptyState title={`PostgreSQL of ${node.id} does not run`}>
      {node.wanted === 'stopped'
        ? `It was stopped by hand. Start the node to see ${what}.`
        : `The agent starts it by itself; ${what} appear then. The tab Log tells why it stopped.`}
    </EmptyState>
  );
}
