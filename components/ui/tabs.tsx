'use client';
/** Tabs whose choice is part of the URL, so that a tab can be sent to a colleague. */
import { Tabs as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { useUrlState } from './url-state';

export type Tab = { readonly id: string; readonly label: ReactNode; readonly content: ReactNode };

export function Tabs({
  tabs,
  urlKey = 'tab',
  label,
}: {
  readonly tabs: readonly Tab[];
  readonly urlKey?: string;
  readonly label: string;
}) {
  const first = tabs[0]?.id ?? '';
  const [wanted, setWanted] = useUrlState(urlKey, first);
  const value = tabs.some((tab) => tab.id === wanted) ? wanted : first;
  return (
    <Radix.Root value={value} onValueChange={setWanted}>
      <Radix.List aria-label={label} className="mb-3 flex gap-1 overflow-x-auto border-line border-b">
        {tabs.map((tab) => (
          <Radix.Trigger
            key={tab.id}
            value={tab.id}
            className="-mb-px whitespace-nowrap border-transparent border-b-2 px-2.5 py-1.5 text-muted hover:text-fg data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-fg"
          >
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.id} value={tab.id} className="outline-none">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
