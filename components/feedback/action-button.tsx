'use client';
/** A change that takes one press and harms nobody: the button, and beside it the same call for a script. Failures are told in a toast. */
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { Button, type ButtonProps } from '../ui/button';
import type { Call } from '../ui/call-forms';
import { CopyAs } from '../ui/copy-as';
import { failureOf } from './failure';
import { useSend } from './use-send';

export function ActionButton<T>({
  call,
  what,
  disabledReason = null,
  variant = 'default',
  size = 'sm',
  onDone,
  children,
}: {
  readonly call: Call<T>;
  /** What is attempted, as in "cancel it". */
  readonly what: string;
  readonly disabledReason?: string | null;
  readonly variant?: ButtonProps['variant'];
  readonly size?: ButtonProps['size'];
  readonly onDone?: (result: T) => unknown;
  readonly children: ReactNode;
}) {
  const { send, busy } = useSend<T>({
    onDone,
    onFailure: (error) => toast.error(`Could not ${what}`, { description: failureOf(error).message }),
  });
  return (
    <span className="inline-flex items-center gap-0.5">
      <Button
        size={size}
        variant={variant}
        data-procedure={call.procedure}
        disabledReason={disabledReason}
        disabled={busy}
        onClick={() => send(call)}
      >
        {children}
      </Button>
      <CopyAs call={call} disabledReason={disabledReason} />
    </span>
  );
}
