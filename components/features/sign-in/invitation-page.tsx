'use client';
/** Where an invitation's link leads: choose a password. The token stands behind the #, so it reaches no server log. */
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { failureOf } from '../../feedback/failure';
import { useTRPCClient } from '../../providers/trpc';
import { minimumPassword, newPasswordReason, PasswordField } from '../../ui/credential-fields';
import { DoorButton, DoorForm, DoorRefusal } from './door-form';

export function InvitationPage() {
  const client = useTRPCClient();
  const [token, setToken] = useState<string | null>(null);
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  useEffect(() => setToken(window.location.hash.slice(1)), []);
  const accept = useMutation({
    mutationFn: async (chosen: string) => {
      const user = await client.invitations.accept.mutate({ token: token ?? '', password: chosen });
      await client.auth.login.mutate({ username: user.username, password: chosen });
    },
    onSuccess: () => window.location.assign('/'),
  });
  const reason = newPasswordReason(password, again);
  return (
    <DoorForm
      sentence="You are invited. Choose a password; nobody else learns it."
      onSubmit={() => {
        if (reason === null) accept.mutate(password);
      }}
    >
      {token === '' ? <p role="alert">The link is not whole: open it again as it was sent.</p> : null}
      <PasswordField
        label="Password"
        hint={`At least ${minimumPassword} characters.`}
        autoComplete="new-password"
        autoFocus
        value={password}
        onValue={setPassword}
      />
      <PasswordField label="Password again" autoComplete="new-password" value={again} onValue={setAgain} />
      {accept.error ? <DoorRefusal>{failureOf(accept.error).message}</DoorRefusal> : null}
      <DoorButton label="Take the account" state={accept} disabledReason={reason} />
    </DoorForm>
  );
}
