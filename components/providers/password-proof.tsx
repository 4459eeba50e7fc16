'use client';
/**
 * What uses force asks for the password again. Stands inside the error of the refused action, which may be a form, so it is none itself; after
 * it the action is repeated by its own button.
 */
import { useMutation, useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { type ReactNode, useState } from 'react';
import { type Failure, failureOf } from '../feedback/failure';
import { Button } from '../ui/button';
import { PasswordField } from '../ui/credential-fields';
import { useTRPC } from './trpc';

/** For `RemedyContext`. */
export function remedyOf(failure: Failure): ReactNode {
  if (failure.clusterCode === 'CLU_REAUTHENTICATION_REQUIRED') return <PasswordProof />;
  if (failure.clusterCode !== 'CLU_APPROVAL_PENDING') return null;
  return (
    <p className="mt-2">
      <Link className="font-medium underline" href="/approvals">
        Follow it under Approvals
      </Link>
    </p>
  );
}

function PasswordProof() {
  const trpc = useTRPC();
  const [password, setPassword] = useState('');
  const singleSignOn = useQuery(trpc.auth.methods.queryOptions({})).data?.single_sign_on ?? null;
  const prove = useMutation(trpc.auth.reauthenticate.mutationOptions({ onSuccess: () => setPassword('') }));
  const submit = () => {
    if (password !== '' && !prove.isPending) prove.mutate({ password });
  };
  if (prove.isSuccess) {
    return (
      <p role="status" className="mt-2 font-medium text-ok">
        Thank you. Now repeat the action.
      </p>
    );
  }
  return (
    <div className="mt-2 grid max-w-80 gap-2">
      <PasswordField
        label="Your password"
        autoComplete="current-password"
        value={password}
        onValue={setPassword}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          // The form around it must not be sent.
          event.preventDefault();
          submit();
        }}
      />
      {singleSignOn ? (
        <p>
          An account without a password:{' '}
          <a
            className="underline"
            href={`${singleSignOn.path}?again=1&next=${encodeURIComponent(window.location.pathname)}`}
          >
            {singleSignOn.label}
          </a>{' '}
          again, then repeat the action.
        </p>
      ) : null}
      {prove.error ? <p className="text-bad">{failureOf(prove.error).message}</p> : null}
      <div>
        <Button
          onClick={submit}
          disabled={prove.isPending}
          disabledReason={password === '' ? 'Type your password.' : null}
        >
          Confirm that it is me
        </Button>
      </div>
    </div>
  );
}
