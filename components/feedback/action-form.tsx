'use client';
/**
 * The end of every form that changes something: the confirmation where one is needed, what went wrong, and the buttons to copy the call, to leave and to
 * send. What is copied is the value that is sent. Refusals show all reasons in place.
 */
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../ui/button';
import type { Call } from '../ui/call-forms';
import { cn } from '../ui/cn';
import { CopyAs } from '../ui/copy-as';
import { Field, Input } from '../ui/input';
import { FormActions } from '../ui/scroll-body';
import { failureOf } from './failure';
import { ErrorPanel } from './states';
import { useSend } from './use-send';

export type ActionFormProps<T> = {
  readonly call: Call<T>;
  /** What is attempted, as in "create the user". */
  readonly what: string;
  readonly submitLabel: ReactNode;
  readonly pendingLabel?: string;
  /** Why the input is no call yet: it can be neither sent nor copied. */
  readonly incomplete?: string | null;
  /** Must be typed before it can be sent. */
  readonly confirmName?: string | null;
  readonly tone?: 'primary' | 'danger';
  readonly leave?: { readonly label: string; readonly onLeave: () => void; readonly disabledReason?: string | null };
  readonly onDone?: (result: T) => unknown;
  readonly className?: string;
  readonly children?: ReactNode;
};

export function ActionForm<T>({
  call,
  what,
  submitLabel,
  pendingLabel,
  incomplete = null,
  confirmName = null,
  tone = 'primary',
  leave,
  onDone,
  className,
  children,
}: ActionFormProps<T>) {
  const [typed, setTyped] = useState('');
  const { send, busy, error } = useSend<T>({
    onDone: (result) => {
      setTyped('');
      return onDone?.(result);
    },
  });
  const reason = incomplete ?? (confirmName === null || typed === confirmName ? null : `Type ${confirmName} first.`);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null && !busy) send(call);
  };
  return (
    <form onSubmit={submit} className={cn('grid gap-3', className)}>
      {children}
      {confirmName !== null ? (
        <Field label={<>Type {confirmName} to confirm</>}>
          {(ids) => (
            <Input
              {...ids}
              autoFocus={leave !== undefined}
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      {error !== null ? <ErrorPanel what={what} failure={failureOf(error)} /> : null}
      <FormActions>
        <CopyAs call={call} label="Copy as" disabledReason={incomplete} />
        {leave ? (
          <Button disabledReason={leave.disabledReason} onClick={leave.onLeave}>
            {leave.label}
          </Button>
        ) : null}
        <Button type="submit" variant={tone} data-procedure={call.procedure} disabledReason={reason} disabled={busy}>
          {busy && pendingLabel ? pendingLabel : submitLabel}
        </Button>
      </FormActions>
    </form>
  );
}
