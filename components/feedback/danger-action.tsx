'use client';
/** A dangerous action: what will happen, the checks, the name typed by hand, then the call. Refusals show all reasons in place. */
import type { ReactNode } from 'react';
import { Button } from '../ui/button';
import type { Call } from '../ui/call-forms';
import { Dialog } from '../ui/dialog';
import { ActionForm } from './action-form';
import { useDoor } from './use-door';

type Props<T> = {
  readonly label: ReactNode;
  readonly title: string;
  readonly description: ReactNode;
  /** What must be typed; null: no typing needed (nobody would notice the action). */
  readonly confirmName: string | null;
  readonly confirmLabel: string;
  readonly disabledReason?: string | null;
  readonly children?: ReactNode;
  readonly call: Call<T>;
  readonly onDone?: (result: T) => unknown;
  readonly size?: 'sm' | 'md';
  readonly tone?: 'danger' | 'default';
  /** Its name in the address. */
  readonly door?: string;
};

export function DangerAction<T>(props: Props<T>) {
  const [open, setOpen] = useDoor(props.door, props.disabledReason ?? null);
  const { tone = 'danger', size = 'md' } = props;
  return (
    <>
      <Button
        variant={tone === 'danger' ? 'danger' : 'default'}
        size={size}
        data-procedure={props.call.procedure}
        disabledReason={props.disabledReason}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={props.title} description={props.description}>
        <ActionForm
          call={props.call}
          what={props.confirmLabel.toLowerCase()}
          confirmName={props.confirmName}
          submitLabel={props.confirmLabel}
          pendingLabel="Working…"
          tone={tone === 'danger' ? 'danger' : 'primary'}
          leave={{ label: 'Keep things as they are', onLeave: () => setOpen(false) }}
          onDone={(result) => {
            setOpen(false);
            props.onDone?.(result);
          }}
        >
          {props.children}
        </ActionForm>
      </Dialog>
    </>
  );
}
