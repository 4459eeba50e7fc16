'use client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'next/navigation';
import { useState } from 'react';
import { failureOf } from '../../feedback/failure';
import { useTRPC } from '../../providers/trpc';
import { PasswordField, UserNameField } from '../../ui/credential-fields';
import { DoorButton, DoorForm, DoorRefusal } from './door-form';

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
  return (
    <DoorForm sentence="Sign in to see and run the cluster." onSubmit={() => signIn.mutate({ username, password })}>
      <UserNameField
        name="username"
        autoComplete="username"
        required
        autoFocus
        value={username}
        onValue={setUsername}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onValue={setPassword}
      />
      {problem !== null ? <DoorRefusal>{problems[problem] ?? problems.failed}</DoorRefusal> : null}
      {failure ? (
        <DoorRefusal>
          {failure.code === 'INTERNAL' ? 'The console server does not answer. Is it running?' : failure.message}
          {failure.requestId ? <span className="num block text-muted">request {failure.requestId}</span> : null}
        </DoorRefusal>
      ) : null}
      <DoorButton label="Sign in" state={signIn} />
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
    </DoorForm>
  );
}
