'use client';
/** Where an invitation's link leads: choose a password. The token stands behind the #, so it reaches no server log. */
import { useMutation } from '@tanstack/react-query';
import { Boxes } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { failureOf } from '../../feedback/failure';
import { useTRPCClient } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { Field, Input } from '../../ui/input';

const minimum = 12;

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
  const reason =
    password.length < minimum ? `At least ${minimum} characters.` : password !== again ? 'The two do not match.' : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null) accept.mutate(password);
  };
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form onSubmit={submit} className="grid w-80 max-w-full gap-3 rounded-lg border border-line bg-panel p-5">
        <div>
          <h1 className="flex items-center gap-2 font-semibold text-[1.3rem]">
            <Boxes className="size-5 text-accent" aria-hidden />
            RustyDB Console
          </h1>
          <p className="text-muted">You are invited. Choose a password; nobody else learns it.</p>
        </div>
        {token === '' ? <p role="alert">The link is not whole: open it again as it was sent.</p> : null}
        <Field label="Password" hint={`At least ${minimum} characters.`}>
          {(ids) => (
            <Input
              {...ids}
              type="password"
              autoComplete="new-password"
              autoFocus
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        <Field label="Password again">
          {(ids) => (
            <Input
              {...ids}
              type="password"
              autoComplete="new-password"
              value={again}
              onChange={(event) => setAgain(event.target.value)}
            />
          )}
        </Field>
        {accept.error ? (
          <p role="alert" className="rounded-md bg-bad-soft px-2 py-1.5 text-bad">
            {failureOf(accept.error).message}
          </p>
        ) : null}
        <Button type="submit" variant="primary" disabledReason={reason} disabled={accept.isPending || accept.isSuccess}>
          {accept.isPending || accept.isSuccess ? 'Signing in…' : 'Take the account'}
        </Button>
      </form>
    </main>
  );
}
