'use client';
/** A button that opens a form in a dialog. The form is mounted while it is open only: what was typed, a password too, is forgotten when it closes. */
import type { ReactNode } from 'react';
import { Button, type ButtonProps } from '../ui/button';
import { CodeBlock } from '../ui/code';
import { Dialog } from '../ui/dialog';
import { FormActions } from '../ui/scroll-body';
import { useDoor } from './use-door';

export function FormDialog({
  label,
  title,
  description,
  variant = 'default',
  procedure,
  disabledReason = null,
  door,
  children,
}: {
  readonly label: string;
  readonly title: string;
  readonly description?: string;
  readonly variant?: ButtonProps['variant'];
  /** What the form in it calls. */
  readonly procedure: string;
  readonly disabledReason?: string | null;
  /** Its name in the address. */
  readonly door?: string;
  readonly children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useDoor(door, disabledReason);
  return (
    <>
      <Button
        size="sm"
        variant={variant}
        data-procedure={procedure}
        disabledReason={disabledReason}
        onClick={() => setOpen(true)}
      >
        {label}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={title} description={description}>
        {open ? children(() => setOpen(false)) : null}
      </Dialog>
    </>
  );
}

/** Something that the server tells this once: a secret, a link. It goes when the dialog is closed. */
export function ShownOnce({
  title,
  label,
  text,
  doneLabel,
  onClose,
  children,
}: {
  readonly title: string;
  readonly label: string;
  readonly text: string;
  readonly doneLabel: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  return (
    <Dialog open onOpenChange={onClose} title={title}>
      <div className="grid gap-3">
        {children}
        <CodeBlock label={label} code={text} />
        <FormActions>
          <Button variant="primary" onClick={onClose}>
            {doneLabel}
          </Button>
        </FormActions>
      </div>
    </Dialog>
  );
}
