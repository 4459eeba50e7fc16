'use client';
import { useMutation } from '@tanstack/react-query';
import { UserRound } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useIdentity } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { Menu } from '../../ui/menu';

export function AccountMenu() {
  const trpc = useTRPC();
  const router = useRouter();
  const identity = useIdentity();
  const signOut = useMutation(
    trpc.auth.logout.mutationOptions({
      // A full load drops the socket and every cached answer of the old session.
      onSettled: () => window.location.assign('/sign-in'),
    }),
  );
  if (identity === null) return null;
  return (
    <Menu
      label="Account"
      trigger={
        <Button variant="ghost" size="sm" aria-label={`Account: ${identity.name}, ${identity.role}`}>
          <UserRound aria-hidden />
          <span className="max-w-32 truncate max-lg:hidden">{identity.name}</span>
        </Button>
      }
      items={[
        {
          id: 'who',
          label: (
            <span>
              {identity.name} <span className="text-muted">({identity.role})</span>
            </span>
          ),
          onSelect: () => router.push('/settings?tab=account'),
        },
        { id: 'password', label: 'Change my password', onSelect: () => router.push('/settings?tab=account') },
        { id: 'out', label: 'Sign out', onSelect: () => signOut.mutate({}) },
      ]}
    />
  );
}
