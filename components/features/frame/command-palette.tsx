'use client';
/** ⌘K: pages, nodes, services, slots, operations and actions. Everything it offers is a place in the console, so nothing happens without a page. */
import { useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { useRouter } from 'next/navigation';
import { useTheme } from 'next-themes';
import { Dialog } from 'radix-ui';
import { useEffect, useMemo, useState } from 'react';
import { useLiveOperations, useTopology } from '../../providers/live';
import { longestPage } from '../../providers/pages';
import { useIdentity } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import { counted } from '../../ui/counted';
import { type Entry, paletteEntries } from './palette-entries';
import { searchPalette } from './palette-search';
import { useRehearsalEnabled } from './platform-info';

export function CommandPalette({
  open,
  onOpenChange,
}: {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      onOpenChange(!open);
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [open, onOpenChange]);

  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/45" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(36rem,94vw)] -translate-x-1/2 overflow-hidden rounded-lg border border-line bg-panel shadow-xl"
        >
          <Dialog.Title className="sr-only">Command palette</Dialog.Title>
          {open ? <PaletteBody close={() => onOpenChange(false)} /> : null}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function PaletteBody({ close }: { readonly close: () => void }) {
  const router = useRouter();
  const { resolvedTheme, setTheme } = useTheme();
  const [query, setQuery] = useState('');
  const entries = useEntries(resolvedTheme === 'dark');
  const found = useMemo(() => searchPalette(entries, query), [entries, query]);
  const run = ({ target }: Entry) => {
    close();
    if (target.kind === 'theme') setTheme(resolvedTheme === 'dark' ? 'light' : 'dark');
    else if (target.kind === 'load') window.location.assign(target.href);
    else router.push(target.href);
  };
  return (
    <Command label="Command palette" loop shouldFilter={false}>
      <Command.Input
        autoFocus
        value={query}
        onValueChange={setQuery}
        placeholder="Go to a page, node, service or slot, or do something…"
        className="h-11 w-full border-line border-b bg-transparent px-4 outline-none placeholder:text-muted"
      />
      <Command.List className="max-h-[60vh] overflow-y-auto p-1.5">
        <Command.Empty className="px-3 py-4 text-muted">
          Nothing matches. Try a node, a service, a group, or a word such as “restart” or “lag”.
        </Command.Empty>
        {found.map(({ section, entries: items, more }) => (
          <Command.Group
            key={section}
            heading={section}
            className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-muted"
          >
            {items.map((entry) => (
              <Command.Item
                key={entry.id}
                value={entry.id}
                onSelect={() => run(entry)}
                className="flex cursor-pointer items-center justify-between gap-3 rounded-md px-2.5 py-1.5 data-[selected=true]:bg-accent-soft data-[selected=true]:text-accent"
              >
                <span className="shrink-0">{entry.label}</span>
                <span className="truncate text-muted">{entry.hint}</span>
              </Command.Item>
            ))}
            {more > 0 && query !== '' ? (
              <p className="px-2.5 py-1 text-muted">{counted(more, 'more', 'more')}: type on to narrow it down</p>
            ) : null}
          </Command.Group>
        ))}
      </Command.List>
    </Command>
  );
}

/** Asked for while the palette is open only. A tick that changes no node's state keeps the list, so that what is selected does not move. */
function useEntries(dark: boolean): readonly Entry[] {
  const trpc = useTRPC();
  const identity = useIdentity();
  const topology = useTopology();
  const operations = useLiveOperations();
  const rehearsal = useRehearsalEnabled();
  const services = useQuery(trpc.gds.listServices.queryOptions({ limit: longestPage })).data?.items;
  const slots = useQuery(trpc.replication.listSlots.queryOptions({ limit: longestPage })).data?.items;
  const nodes = topology?.nodes ?? [];
  const groups = topology?.groups ?? [];
  const state = [
    ...nodes.map((node) => [
      node.id,
      node.group,
      node.role,
      node.status,
      node.wanted,
      node.maintenance,
      node.replay_paused,
    ]),
    ...groups.map((group) => [group.name, group.primary, group.automatic_failover]),
    ...(operations ?? []).map((operation) => [operation.id, operation.state]),
  ].join(' ');
  const role = identity?.role ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `state` is what the entries show of nodes, groups and operations, which are new objects at each tick
  return useMemo(
    () =>
      paletteEntries({
        role,
        rehearsal,
        dark,
        nodes,
        groups,
        services: services ?? [],
        slots: slots ?? [],
        operations: (operations ?? []).slice(0, 20),
      }),
    [role, rehearsal, dark, state, services, slots],
  );
}
