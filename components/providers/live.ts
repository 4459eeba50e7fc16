'use client';
/**
 * The live view. One subscription writes into the query cache; every page reads from there, so all pages show the same moment. What a page shows is
 * at most as old as `useLiveAge` says.
 */
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSubscription } from '@trpc/tanstack-react-query';
import { useRef } from 'react';
import { useFastNow } from '../ui/clock';
import { useConnectionState } from './connection';
import { appendEvent, appendLag, eventsShown, type LagHistory } from './live-history';
import { applyPatch, type LiveCopy } from './live-patch';
import { useTRPC } from './trpc';
import type { ClusterEvent, ClusterNode, Live, Operation, Topology } from './wire';

/** Mounted once, in the frame. `onEvent`: what happens from now on, not the history that a page begins with. */
export function useLiveSubscription(onEvent: (event: ClusterEvent) => void): void {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const keys = useLiveKeys();
  const copy = useRef<LiveCopy | null>(null);
  /** When the page opened, by the server's clock. */
  const openedAt = useRef<number | null>(null);
  const patches = useSubscription(
    trpc.view.patches.subscriptionOptions(
      {},
      {
        onData(item) {
          const applied = applyPatch(copy.current, item);
          if (applied.kind === 'gap') {
            // The next item of a new subscription is whole.
            copy.current = null;
            resubscribe.current();
            return;
          }
          const before = copy.current?.live;
          copy.current = applied.copy;
          const { live } = applied.copy;
          openedAt.current ??= live.topology.timestamp;
          queryClient.setQueryData<Live>(keys.live, live);
          queryClient.setQueryData<LagHistory>(keys.lag, (old) => appendLag(old, live.topology.nodes, Date.now()));
          if (live.operations === before?.operations) return;
          for (const operation of live.operations) {
            queryClient.setQueryData(trpc.operations.get.queryKey({ id: operation.id }), operation);
          }
        },
      },
    ),
  );
  const resubscribe = useRef(patches.reset);
  resubscribe.current = patches.reset;
  useSubscription(
    trpc.events.stream.subscriptionOptions(
      { recent: eventsShown },
      {
        onData(item) {
          const event = eventOf(item);
          queryClient.setQueryData<readonly ClusterEvent[]>(keys.events, (old) => appendEvent(old ?? [], event));
          if (openedAt.current !== null && event.timestamp > openedAt.current) onEvent(event);
        },
      },
    ),
  );
}

/** A resumable stream's items arrive as `{id, data}`; the id is tRPC's, for resuming. */
function eventOf(item: unknown): ClusterEvent {
  return (item as { readonly data: ClusterEvent }).data;
}

function useLiveKeys() {
  const trpc = useTRPC();
  const live = trpc.view.pathKey();
  return { live: [...live, 'view'], lag: [...live, 'lag'], events: [...live, 'events'] } as const;
}

const kept = {
  queryFn: skipToken,
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
  // What did not change is the same object already; comparing a thousand nodes at each tick, for each reader, took half of the page's time.
  structuralSharing: false,
} as const;

function useLiveSelect<T>(select: (live: Live) => T): T | undefined {
  const keys = useLiveKeys();
  return useQuery<Live, Error, T>({ queryKey: keys.live, ...kept, select }).data;
}

const topologyOf = (live: Live): Topology => live.topology;
const operationsOf = (live: Live): readonly Operation[] => live.operations;

export function useTopology(): Topology | undefined {
  return useLiveSelect(topologyOf);
}

export function useLiveOperations(): readonly Operation[] | undefined {
  return useLiveSelect(operationsOf);
}

export function useLiveNode(id: string): ClusterNode | null | undefined {
  return useLiveSelect((live) => live.topology.nodes.find((node) => node.id === id) ?? null);
}

export function useLagHistory(): LagHistory {
  const keys = useLiveKeys();
  return useQuery<LagHistory>({ queryKey: keys.lag, ...kept }).data ?? emptyHistory;
}

const emptyHistory: LagHistory = { at: [], lag: {} };
const noEvents: readonly ClusterEvent[] = [];

/** Newest first. */
export function useEvents(): readonly ClusterEvent[] {
  const keys = useLiveKeys();
  return useQuery<readonly ClusterEvent[]>({ queryKey: keys.events, ...kept }).data ?? noEvents;
}

export type LiveAge = {
  /** Null before the first data. */
  readonly ageMs: number | null;
  readonly connected: boolean;
  readonly connecting: boolean;
  /** Older than 5 s, or the connection is lost: what is on the page may no longer be true. */
  readonly stale: boolean;
};

const staleAfterMs = 5000;

export function useLiveAge(): LiveAge {
  const keys = useLiveKeys();
  const state = useConnectionState();
  const now = useFastNow();
  const query = useQuery<Live, Error, number>({ queryKey: keys.live, ...kept, select: (live) => live.topology.age_ms });
  const ageMs = query.data === undefined ? null : Math.max(0, now - query.dataUpdatedAt) + query.data;
  return {
    ageMs,
    connected: state === 'open',
    connecting: state === 'connecting',
    stale: state === 'lost' || (ageMs !== null && ageMs > staleAfterMs),
  };
}
