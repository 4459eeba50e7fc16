'use client';
/** The form that stands alone at the door of the console: signing in, taking an account. */
import { Boxes } from 'lucide-react';
import type { FormEvent, ReactNode } from 'react';
import { Button } from '../../ui/button';

export function DoorForm({
  sentence,
  onSubmit,
  children,
}: {
  readonly sentence: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form onSubmit={submit} className="grid w-80 max-w-full gap-3 rounded-lg border border-line bg-panel p-5">
        <div>
          <h1 className="flex items-center gap-2 font-semibold text-[1.3rem]">
            <Boxes className="size-5 text-accent" aria-hidden />
            RustyDB Console
          </h1>
          <p className="text-muted">{sentence}</p>
        </div>
        {children}
      </form>
    </main>
  );
}

export function DoorRefusal({ children }: { readonly children: ReactNode }) {
  return (
    <p role="alert" className="rounded-md bg-bad-soft px-2 py-1.5 text-bad">
      {children}
    </p>
  );
}

/** Stays busy after success: the page is about to be left. */
export function DoorButton({
  label,
  state,
  disabledReason = null,
}: {
  readonly label: string;
  readonly state: { readonly isPending: boolean; readonly isSuccess: boolean };
  readonly disabledReason?: string | null;
}) {
  const busy = state.isPending || state.isSuccess;
  return (
    <Button type="submit" variant="primary" disabledReason={disabledReason} disabled={busy}>
      {busy ? 'Signing in…' : label}
    </Button>
  );
}
