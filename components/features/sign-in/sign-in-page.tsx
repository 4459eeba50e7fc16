'use client';
import { useMutation, useQuery } from '@tanstack/react-query';
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

/** Why signing in with the identity provider did not work (server/auth/oidc.ts). */
const problems: Readonly<Record<string, string>> = {
  'no-role': 'Your identity provider gives you no role here. Ask an administrator.',
  'name-taken':
    'An account of your name exists already. Sign in to it with its password and link your identity under Settings, My account.',
  'no-name': 'Your identity provider sends no name that an account can have. Ask an administrator.',
  disabled: 'Your account is disabled. Ask an administrator.',
  'other-account': 'This identity belongs to another account already.',
  failed: 'Signing in with your identity provider did not work. Try again.',
};

export function SignInPage() {
  const trpc = useTRPC();
  const search = useSearchParams();
  const next = safeNext(search.get('next'));
  const problem = search.get('problem');
  const singleSignOn = useQuery(trpc.auth.methods.queryOptions({})).data?.single_sign_on ?? null;
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
        {problem !== null ? (
          <p role="alert" className="rounded-md bg-bad-soft px-2 py-1.5 text-bad">
            {problems[problem] ?? problems.failed}
          </p>
        ) : null}
        {failure ? (
          <p role="alert" className="rounded-md bg-bad-soft px-2 py-1.5 text-bad">
            {failure.code === 'INTERNAL' ? 'The console server does not answer. Is it running?' : failure.message}
            {failure.requestId ? <span className="num block text-muted">request {failure.requestId}</span> : null}
          </p>
        ) : null}
        <Button type="submit" variant="primary" disabled={signIn.isPending || signIn.isSuccess}>
          {signIn.isPending || signIn.isSuccess ? 'Signing in…' : 'Sign in'}
        </Button>
        {singleSignOn ? (
          <a
            className="rounded-md border border-line-strong/60 px-2 py-1 text-center font-medium hover:bg-line/40"
            href={`${singleSignOn.path}?next=${encodeURIComponent(next)}`}
          >
            {singleSignOn.label}
          </a>
        ) : null}
        <p className="text-[0.92rem] text-muted">
          First start: the user is <span className="num">admin</span>, its password is in the file that the start banner
          names.
        </p>
      </form>
    </main>
  );
}
