'use client';
/**
 * Modal dialog and side sheet on the same primitive: focus is trapped, Escape closes, the title is announced. Title and actions (`FormActions`) stay
 * while the rest scrolls.
 */
import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { cn } from './cn';
import { ScrollBody } from './scroll-body';

type Props = {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: ReactNode;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
};

function Frame({ open, onOpenChange, title, description, children, className }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          className={cn('fixed z-50 flex flex-col border border-line bg-panel shadow-xl', className)}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <div className="flex items-start justify-between gap-4 p-4 pb-3">
            <div>
              <Radix.Title className="font-semibold text-[1.1rem]">{title}</Radix.Title>
              {description ? <Radix.Description className="mt-0.5 text-muted">{description}</Radix.Description> : null}
            </div>
            <Radix.Close aria-label="Close" className="rounded-md p-1 text-muted hover:bg-raised hover:text-fg">
              <X className="size-4" />
            </Radix.Close>
          </div>
          <ScrollBody label={typeof title === 'string' ? title : 'Dialog'}>{children}</ScrollBody>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function Dialog(props: Props) {
  return (
    <Frame
      {...props}
      className={cn(
        'top-1/2 left-1/2 max-h-[88dvh] w-[min(34rem,94vw)] -translate-x-1/2 -translate-y-1/2 rounded-lg',
        props.className,
      )}
    />
  );
}

export function Sheet(props: Props & { readonly side?: 'left' | 'right' }) {
  return (
    <Frame
      {...props}
      className={cn('inset-y-0 w-[min(26rem,94vw)]', props.side === 'left' ? 'left-0' : 'right-0', props.className)}
    />
  );
}
