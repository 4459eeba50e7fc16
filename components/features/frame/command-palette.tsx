'use client';
/** ⌘K: areas, nodes, groups, services, operations and actions. Everything it offers is a place in the console, so nothing happens without a page. */
import { Command } from 'cmdk';
import { useRouter } from 'next/navigation';
import { useTheme } from 'next-themes';
import { Dialog } from 'radix-ui';
import { useEffect } from 'react';
import { useLiveOperations, useTopology } from '../../providers/live';
import { useIdentity } from '../../providers/session';
import { sentence, words } from '../../ui/format';
import { visibleAreas } from './areas';
import { useRehearsalEnabled } from './platform-info';

type Entry = { readonly id: string; readonly label: string; readonly hint?: string; readonly run: () => void };

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
  const sections = useEntries(close);
  return (
    <Command label="Command palette" loop>
      <Command.Input
        autoFocus
        placeholder="Go to a node, group, operation, or do something…"
        className="h-11 w-full border-line border-b bg-transparent px-4 outline-none placeholder:text-muted"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto p-1.5">
        <Command.Empty className="px-3 py-4 text-muted">Nothing matches.</Command.Empty>
        {sections.map(([heading, entries]) =>
          entries.length === 0 ? null : (
            <Command.Group
              key={heading}
              heading={heading}
              className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-muted"
            >
              {entries.map((entry) => (
                <Command.Item
                  key={entry.id}
                  value={`${entry.label} ${entry.hint ?? ''} ${entry.id}`}
                  onSelect={entry.run}
                  className="flex cursor-pointer items-center justify-between gap-3 rounded-md px-2.5 py-1.5 data-[selected=true]:bg-accent-soft data-[selected=true]:text-accent"
                >
                  <span className="truncate">{entry.label}</span>
                  <span className="truncate text-muted">{entry.hint}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ),
        )}
      </Command.List>
    </Command>
  );
}

function useEntries(close: () => void): readonly (readonly [string, readonly Entry[]])[] {
  const router = useRouter();
  const identity = useIdentity();
  const topology = useTopology();
  const operations = useLiveOperations();
  const rehearsal = useRehearsalEnabled();
  const { resolvedTheme, setTheme } = useTheme();
  const go = (href: string) => () => {
    close();
    router.push(href);
  };
  const mayAct = identity !== null && identity.role !== 'viewer';
  const actions: Entry[] = [
    ...(mayAct
      ? (topology?.groups ?? []).map((group) => ({
          id: `switch:${group.name}`,
          label: `Switch over ${group.name}`,
          hint: `primary ${group.primary ?? 'none'}`,
          run: go(`/failover/new?group=${group.name}`),
        }))
      : []),
    {
      id: 'theme',
      label: resolvedTheme === 'dark' ? 'Use the light theme' : 'Use the dark theme',
      run: () => {
        close();
        setTheme(resolvedTheme === 'dark' ? 'light' : 'dark');
      },
    },
    {
      id: 'docs',
      label: 'API reference',
      run: () => window.location.assign('/api/docs'),
    },
    {
      id: 'graphql',
      label: 'GraphQL explorer',
      run: () => window.location.assign('/graphql/explorer'),
    },
  ];
  return [
    [
      'Go to',
      visibleAreas(identity?.role ?? null, rehearsal).map((area) => ({
        id: `${area.href} ${area.keywords}`,
        label: area.label,
        run: go(area.href),
      })),
    ],
    [
      'Nodes',
      (topology?.nodes ?? []).slice(0, 200).map((node) => ({
        id: `node:${node.id}`,
        label: node.id,
        hint: `${node.role} of ${node.group} · ${words(node.status)}`,
        run: go(`/nodes/${node.id}`),
      })),
    ],
    ['Actions', actions],
    [
      'Operations',
      (operations ?? []).slice(0, 20).map((operation) => ({
        id: `operation:${operation.id}`,
        label: `${sentence(operation.kind)} ${operation.group ?? ''}`,
        hint: words(operation.state),
        run: go(`/operations/${operation.id}`),
      })),
    ],
  ];
}
