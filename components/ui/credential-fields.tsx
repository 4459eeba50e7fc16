'use client';
/** The fields by which somebody is known, in the shape that browsers and password stores understand. */
import type { ComponentProps, ReactNode } from 'react';
import { Field, Input } from './input';

type Props = Omit<ComponentProps<'input'>, 'value' | 'onChange' | 'type' | 'autoComplete'> & {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly value: string;
  readonly onValue: (value: string) => void;
};

function TextField({ label, hint, value, onValue, ...input }: Props & ComponentProps<'input'>) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => <Input {...ids} {...input} value={value} onChange={(event) => onValue(event.target.value)} />}
    </Field>
  );
}

/** `username`: one's own, at the door; `off`: somebody else's. */
export function UserNameField({
  autoComplete,
  label = 'User name',
  ...props
}: Omit<Props, 'label'> & { readonly autoComplete: 'username' | 'off'; readonly label?: ReactNode }) {
  return <TextField {...props} label={label} autoComplete={autoComplete} autoCapitalize="none" spellCheck={false} />;
}

export function PasswordField({
  autoComplete,
  ...props
}: Props & { readonly autoComplete: 'current-password' | 'new-password' }) {
  return <TextField {...props} type="password" autoComplete={autoComplete} />;
}

/** The server asks for it (server/procedures/shared/wire-account.ts). */
export const minimumPassword = 12;

/** Why this can't be the new password; null: it can. `again`: typed a second time, where somebody chooses for themselves. */
export function newPasswordReason(password: string, again: string = password): string | null {
  if (password.length < minimumPassword) return `The password needs at least ${minimumPassword} characters.`;
  return password === again ? null : 'The two do not match.';
}
