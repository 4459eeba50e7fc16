'use client';
import { DropdownMenu } from 'radix-ui';
import type { ReactElement, ReactNode } from 'react';
import { cn } from './cn';

export type MenuItem = {
  readonly id: string;
  readonly label: ReactNode;
  readonly onSelect: () => void;
  readonly checked?: boolean;
  readonly danger?: boolean;
  /** Why it can't be used now; shown under the label. */
  readonly disabledReason?: string | null;
};

export function Menu({
  trigger,
  items,
  label,
}: {
  readonly trigger: ReactElement;
  readonly items: readonly MenuItem[];
  readonly label: string;
}) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          aria-label={label}
          align="end"
          sideOffset={4}
          className="z-50 max-h-[70dvh] min-w-44 max-w-80 overflow-y-auto rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {items.map((item) =>
            item.checked === undefined ? (
              <DropdownMenu.Item
                key={item.id}
                disabled={typeof item.disabledReason === 'string'}
                onSelect={item.onSelect}
                className={cn(
                  'cursor-pointer rounded-sm px-2 py-1 outline-none data-[disabled]:cursor-not-allowed data-[highlighted]:bg-raised',
                  item.danger && 'text-bad',
                )}
              >
                <span className={item.disabledReason ? 'opacity-60' : ''}>{item.label}</span>
                {item.disabledReason ? (
                  <span className="block text-[0.88rem] text-muted">{item.disabledReason}</span>
                ) : null}
              </DropdownMenu.Item>
            ) : (
              <DropdownMenu.CheckboxItem
                key={item.id}
                checked={item.checked}
                onSelect={(event) => {
                  event.preventDefault();
                  item.onSelect();
                }}
                className="flex cursor-pointer items-center gap-2 rounded-sm px-2 py-1 outline-none data-[highlighted]:bg-raised"
              >
                <span aria-hidden className="num w-3">
                  {item.checked ? '✓' : ''}
                </span>
                {item.label}
              </DropdownMenu.CheckboxItem>
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
