'use client';
/** Navigation, status strip and the live connection around every page. Without a session it leads to the sign-in page and back. */
import { useRouter } from 'next/navigation';
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { toast } from 'sonner';
import { failureOf } from '../../feedback/failure';
import { ErrorPanel } from '../../feedback/states';
import { useLiveAge, useLiveSubscription } from '../../providers/live';
import { useSession, useSessionWatch } from '../../providers/session';
import { cn } from '../../ui/cn';
import { formatClock, sentence, zoneName } from '../../ui/format';
import { PanelSkeleton, Skeleton } from '../../ui/skeleton';
import { eventText } from '../overview/event-text';
import { alarmHref, isAlarm } from './alarm';
import { CommandPalette } from './command-palette';
import { Navigation } from './navigation';
import { PaletteDoorContext } from './palette-door';
import { StaleBanner } from './stale-banner';
import { StatusStrip } from './status-strip';

export function AppFrame({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const router = useRouter();
  const failure = session.error ? failureOf(session.error) : null;
  const signedOut = failure?.code === 'UNAUTHORIZED';
  useSessionWatch();
  useEffect(() => {
    if (!signedOut) return;
    const here = `${window.location.pathname}${window.location.search}`;
    router.replace(here === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(here)}`);
  }, [signedOut, router]);

  if (session.data === undefined || signedOut) {
    return failure !== null && !signedOut ? (
      <main className="mx-auto max-w-xl p-6">
        <ErrorPanel what="reach the console server" failure={failure} onRetry={() => void session.refetch()} />
      </main>
    ) : (
      <FrameSkeleton />
    );
  }
  return <SignedIn>{children}</SignedIn>;
}

function SignedIn({ children }: { readonly children: ReactNode }) {
  const [paletteOpen, setPaletteOpen] = useState(false);
  const openPalette = useCallback(() => setPaletteOpen(true), []);
  const router = useRouter();
  useLiveSubscription((event) => {
    if (!isAlarm(event)) return;
    toast.error(eventText(event), {
      description: `${sentence(event.event_type)} · ${event.source} · ${formatClock(event.timestamp)} ${zoneName(new Date())}`,
      // Long enough to be read by who looked away.
      duration: 12_000,
      closeButton: true,
      action: { label: 'Show', onClick: () => router.push(alarmHref(event)) },
    });
  });
  const live = useLiveAge();
  return (
    <div className="flex h-dvh">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:rounded-md focus:bg-panel focus:px-3 focus:py-1.5"
      >
        Skip to content
      </a>
      <Navigation className="max-md:hidden" />
      <div className="flex min-w-0 flex-1 flex-col">
        <StatusStrip onPalette={openPalette} />
        <StaleBanner />
        <main
          id="content"
          tabIndex={-1}
          className={cn(
            'min-h-0 flex-1 overflow-y-auto p-4 outline-none transition-[filter]',
            live.stale && 'grayscale-[0.6]',
          )}
        >
          <PaletteDoorContext.Provider value={openPalette}>{children}</PaletteDoorContext.Provider>
        </main>
      </div>
      <CommandPalette open={paletteOpen} onOpenChange={setPaletteOpen} />
    </div>
  );
}

function FrameSkeleton() {
  return (
    <div className="flex h-dvh" role="status" aria-label="Loading the console">
      <div className="w-44 border-line border-r bg-panel p-3 max-md:hidden">
        <Skeleton className="mb-4 w-24" />
        {['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => (
          <Skeleton key={key} className="mb-3 w-28" />
        ))}
      </div>
      <div className="flex-1">
        <div className="flex h-11 items-center border-line border-b bg-panel px-4">
          <Skeleton className="w-96 max-w-full" />
        </div>
        <div className="grid gap-3 p-4">
          <Skeleton className="h-6 w-48" />
          <PanelSkeleton label="page" />
        </div>
      </div>
    </div>
  );
}
