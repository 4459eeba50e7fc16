'use client';
/** Who is signed in. Asked over HTTP, so that it also works when the WebSocket is refused because the session ended. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useConnectionState } from './connection';
import { useTRPC } from './trpc';
import type { Role, Whoami } from './wire';

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export function useSession() {
  const trpc = useTRPC();
  return useQuery({ ...trpc.auth.me.queryOptions({}), staleTime: 60_000, retry: false });
}

/** A lost connection may mean that the session ended: ask again. */
export function useSessionWatch(): void {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const state = useConnectionState();
  useEffect(() => {
    if (state === 'lost') void queryClient.invalidateQueries({ queryKey: trpc.auth.me.queryKey({}) });
  }, [state, queryClient, trpc]);
}

export function useIdentity(): Whoami | null {
  return useSession().data ?? null;
}

/** Null when the caller may; otherwise the reason to show beside the greyed-out action. */
export function useRoleReason(needed: Role): string | null {
  const identity = useIdentity();
  if (identity === null) return 'Signing in…';
  return rank[identity.role] >= rank[needed] ? null : `Needs the role ${needed}; you are ${identity.role}.`;
}
