'use client';
/** A failover as its history tells it (from, to, measured pause), asked again until it is over. Shared by the wizard's last steps. */
import { useQuery } from '@tanstack/react-query';
import { useTRPC } from '../../providers/trpc';
import { isRunning } from '../operations/ticket-text';

export function useFailoverRecord(id: string) {
  const trpc = useTRPC();
  return useQuery({
    ...trpc.cluster.getFailover.queryOptions({ id }),
    enabled: id !== '',
    refetchInterval: (query) => (query.state.data && !isRunning(query.state.data.operation) ? false : 1500),
  });
}
