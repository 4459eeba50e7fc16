'use client';
/** A dangerous action: what will happen, the checks, the name typed by hand, then the call. Refusals show all reasons in place. */
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { Field, Input } from '../ui/input';
import { failureOf } from './failure';
import { ErrorPanel } from './states';

type Props = {
  readonly label: ReactNode;
  readonly title: string;
  readonly description: ReactNode;
  /** What must be typed; null: no typing needed (nobody would notice the action). */
  readonly confirmName: string | null;
  readonly confirmLabel: string;
  readonly disabledReason?: string | null;
  readonly children?: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
  readonly onDone?: () => void;
  readonly size?: 'sm' | 'md';
  readonly tone?: 'danger' | 'default';
};

export function DangerAction(props: Props) {
  const [open, setOpen] = useState(false);
  const { tone = 'danger', size = 'md' } = props;
  return (
    <>
      <Button
        variant={tone === 'danger' ? 'danger' : 'default'}
        size={size}
        disabledReason={props.disabledReason}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={props.title} description={props.description}>
        <ConfirmForm {...props} onClose={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

function ConfirmForm({
  confirmName,
  confirmLabel,
  children,
  onConfirm,
  onDone,
  onClose,
  tone = 'danger',
}: Props & { readonly onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ready = confirmName === null || typed === confirmName;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || pending) return;
    setPending(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
      onDone?.();
    } catch (failure) {
      setError(failure);
    } finally {
      setPending(false);
    }
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      {children}
      {confirmName !== null ? (
        <Field label={<>Type {confirmName} to confirm</>}>
          {(ids) => (
            <Input
              {...ids}
              autoFocus
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      {error !== null ? <ErrorPanel what={confirmLabel.toLowerCase()} failure={failureOf(error)} /> : null}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Keep things as they are</Button>
        <Button
          type="submit"
          variant={tone === 'danger' ? 'danger' : 'primary'}
          disabledReason={ready ? null : `Type ${confirmName} first`}
          disabled={pending}
        >
          {pending ? 'Working…' : confirmLabel}
        </Button>
      </div>
    </form>
  );
}
