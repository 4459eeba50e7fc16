'use client';
/** Form controls. Native elements: they work by keyboard, on a phone and with every assistive tool. */
import { type ComponentProps, type ReactNode, useId } from 'react';
import { cn } from './cn';

const control =
  'h-7 w-full min-w-0 rounded-md border border-line-strong/60 bg-panel px-2 text-fg placeholder:text-muted disabled:opacity-55';

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return <input className={cn(control, className)} {...props} />;
}

export function Select({
  options,
  className,
  ...props
}: ComponentProps<'select'> & {
  readonly options: readonly { readonly value: string; readonly label: string; readonly disabled?: boolean }[];
}) {
  return (
    <select className={cn(control, 'pr-6', className)} {...props}>
      {options.map((option) => (
        <option key={option.value} value={option.value} disabled={option.disabled}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

export function Checkbox({
  label,
  hint,
  className,
  ...props
}: Omit<ComponentProps<'input'>, 'type'> & { readonly label: ReactNode; readonly hint?: ReactNode }) {
  return (
    <label className={cn('flex items-start gap-2', props.disabled && 'opacity-60', className)}>
      <input type="checkbox" className="mt-0.5 size-3.5 accent-accent" {...props} />
      <span>
        {label}
        {hint ? <span className="block text-[0.92rem] text-muted">{hint}</span> : null}
      </span>
    </label>
  );
}

export function Field({
  label,
  hint,
  error,
  children,
  className,
}: {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly error?: string | null;
  readonly className?: string;
  readonly children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}) {
  const id = useId();
  const note = `${id}-note`;
  const described = error || hint ? { 'aria-describedby': note } : {};
  return (
    <div className={cn('grid gap-1', className)}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      {children({ id, ...described, ...(error ? { 'aria-invalid': true as const } : {}) })}
      {error || hint ? (
        <p id={note} className={cn('text-[0.92rem]', error ? 'text-bad' : 'text-muted')}>
          {error ?? hint}
        </p>
      ) : null}
    </div>
  );
}
