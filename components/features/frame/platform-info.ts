'use client';
import { useQuery } from '@tanstack/react-query';
import { useTRPC } from '../../providers/trpc';

export function useRehearsalEnabled(): boolean {
  const trpc = useTRPC();
  const info = useQuery({ ...trpc.platform.getInfo.queryOptions({}), staleTime: 300_000 });
  return info.data?.rehearsal_enabled ?? false;
}
