'use client';
/** On every page, one glance: verdict, nodes, quorum, running operation, age of the data; each leads to its cause. */
import { LoaderCircle, Menu as MenuIcon, Radio, Search } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useState } from 'react';
import { useLiveAge, useLiveOperations, useTopology } from '../../providers/live';
import type { Operation } from '../../providers/wire';
import { Button } from '../../ui/button';
import { cn } from '../../ui/cn';
import { counted } from '../../ui/counted';
import { Sheet } from '../../ui/dialog';
import { formatDuration } from '../../ui/format';
import { Skeleton } from '../../ui/skeleton';
import { toneIcon, toneText } from '../../ui/status';
import { operationName } from '../operations/operation-name';
import { AccountMenu } from './account-menu';
import { changingGroups } from './alarm';
import { Navigation } from './navigation';
import { ThemeToggle } from './theme-toggle';
import { asKnown, verdictOf } from './verdict';

export function StatusStrip({ onPalette }: { readonly onPalette: () => void }) {
  const topology = useTopology();
  const operations = useLiveOperations();
  const { stale } = useLiveAge();
  return (
    <header className="flex h-11 shrink-0 items-center gap-x-3 border-line border-b bg-panel px-4">
      <MobileNavigation />
      {topology === undefined ? (
        <Skeleton className="w-80 max-w-[50vw]" />
      ) : (
        <div className="-mx-1 flex min-w-0 items-center gap-x-3 overflow-hidden whitespace-nowrap px-1 py-1">
          <VerdictLink {...asKnown(verdictOf(topology, changingGroups(operations ?? [])), stale)} />
          <Dot />
          <Link href="/nodes" className="hover:underline">
            <span className="num">
              {topology.healthy_nodes}/{topology.total_nodes}
            </span>{' '}
            <span className="max-sm:sr-only">nodes</span>
          </Link>
          <Dot />
          <Link
            href="/consensus"
            title={`${counted(topology.quorum_size, 'voter')} of the control store must answer, or no role and no membership can change`}
            className={cn('hover:underline max-sm:hidden', !topology.has_quorum && 'text-bad')}
          >
            quorum {topology.has_quorum ? 'held' : 'lost'}
          </Link>
          <Dot className="max-sm:hidden" />
          <RunningOperation operations={operations ?? []} />
        </div>
      )}
      <div className="ml-auto flex shrink-0 items-center gap-1.5">
        <Age />
        <Button
          variant="ghost"
          size="sm"
          onClick={onPalette}
          aria-label="Open the command palette"
          aria-keyshortcuts="Meta+K Control+K"
        >
          <Search aria-hidden />
          <kbd className="num max-sm:hidden">⌘K</kbd>
        </Button>
        <ThemeToggle />
        <AccountMenu />
      </div>
    </header>
  );
}

function Dot({ className }: { readonly className?: string }) {
  return (
    <span aria-hidden className={cn('text-muted', className)}>
      ·
    </span>
  );
}

function VerdictLink({ tone, word, href }: ReturnType<typeof verdictOf>) {
  const Icon = toneIcon[tone];
  return (
    <Link
      href={href}
      data-testid="verdict"
      className={cn('flex items-center gap-1.5 font-semibold hover:underline', toneText[tone])}
    >
      <Icon className="size-4 shrink-0" aria-hidden />
      <span className="truncate">{word}</span>
    </Link>
  );
}

function RunningOperation({ operations }: { readonly operations: readonly Operation[] }) {
  const running = operations.filter((operation) => operation.state === 'running' || operation.state === 'pending');
  const first = running[0];
  if (first === undefined) return <span className="text-muted max-md:hidden">no operation running</span>;
  const step = first.steps.findIndex((one) => one.state === 'running');
  const where = step >= 0 ? `: step ${step + 1} of ${first.steps.length}` : '';
  return (
    <Link href={`/operations/${first.id}`} className="flex min-w-0 items-center gap-1.5 text-busy hover:underline">
      <LoaderCircle className="size-3.5 shrink-0 animate-spin" aria-hidden />
      <span className="truncate">
        {operationName(first)}
        {where}
        {running.length > 1 ? ` and ${running.length - 1} more` : ''}
      </span>
    </Link>
  );
}

function Age() {
  const live = useLiveAge();
  if (live.ageMs === null) {
    return (
      <span className="text-muted">
        {live.connecting ? 'connecting…' : live.connected ? 'waiting for data…' : 'not connected'}
      </span>
    );
  }
  const text =
    live.ageMs < 100
      ? '0.1 s'
      : live.ageMs < 10_000
        ? `${(live.ageMs / 1000).toFixed(1)} s`
        : formatDuration(live.ageMs);
  return (
    <span
      data-testid="live-age"
      title="Age of the data on this page"
      className={cn('flex items-center gap-1.5 whitespace-nowrap', live.stale ? 'text-warn' : 'text-muted')}
    >
      <Radio className="size-3.5" aria-hidden />
      <span className="max-sm:sr-only">{live.stale ? 'stale' : 'live'}</span>{' '}
      <span className="num inline-block min-w-[2.6rem]">{text}</span>
    </span>
  );
}

function MobileNavigation() {
  const [open, setOpen] = useState(false);
  const pathname = usePathname();
  return (
    <div className="md:hidden">
      <Button variant="ghost" size="icon" aria-label="Open the navigation" onClick={() => setOpen(true)}>
        <MenuIcon aria-hidden />
      </Button>
      <Sheet key={pathname} side="left" open={open} onOpenChange={setOpen} title="Areas" className="w-64">
        <Navigation className="w-full border-none" onNavigate={() => setOpen(false)} />
      </Sheet>
    </div>
  );
}
