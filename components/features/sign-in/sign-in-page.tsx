'use client';
import { useMutation } from '@tanstack/react-query';
import { Boxes } from 'lucide-react';
import { useSearchParams } from 'next/navigation';
import { type FormEvent, useState } from 'react';
import { failureOf } from '../../feedback/failure';
import { useTRPC } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { Field, Input } from '../../ui/input';

/** Only paths of this console: never lead somebody who just signed in to another site. */
function safeNext(next: string | null): string {
  return next?.startsWith('/') && !next.startsWith('//') && !next.startsWith('/\\') ? next : '/';
}

export function SignInPage() {
  const trpc = useTRPC();
  const next = safeNext(useSearchParams().get('next'));
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation(
    // A full load, so that the socket opens with the new cookie.
    trpc.auth.login.mutationOptions({ onSuccess: () => window.location.assign(next) }),
  );
  const failure = signIn.error ? failureOf(signIn.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ username, password });
  };
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form onSubmit={submit} className="grid w-80 max-w-full gap-3 rounded-lg border border-line bg-panel p-5">
        <div>
          <h1 className="flex items-center gap-2 font-semibold text-[1.3rem]">
            <Boxes className="size-5 text-accent" aria-hidden />
            RustyDB Console
          </h1>
          <p className="text-muted">Sign in to see and run the cluster.</p>
        </div>
        <Field label="User name">
          {(ids) => (
            <Input
              {...ids}
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
              autoFocus
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(ids) => (
            <Input
              {...ids}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        {failure ? (
          <p role="alert" className="rounded-md bg-bad-soft px-2 py-1.5 text-bad">
            {failure.code === 'INTERNAL' ? 'The console server does not answer. Is it running?' : failure.message}
            {failure.requestId ? <span className="num block text-muted">request {failure.requestId}</span> : null}
          </p>
        ) : null}
        <Button type="submit" variant="primary" disabled={signIn.isPending || signIn.isSuccess}>
          {signIn.isPending || signIn.isSuccess ? 'Signing in…' : 'Sign in'}
        </Button>
        <p className="text-[0.92rem] text-muted">
          First start: the user is <span className="num">admin</span>, its password is in the file that the start banner
          names.
        </p>
      </form>
    </main>
  );
}
