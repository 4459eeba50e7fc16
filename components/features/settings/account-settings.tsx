'use client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { toast } from 'sonner';
import { failureOf } from '../../feedback/failure';
import { ErrorPanel } from '../../feedback/states';
import { useIdentity } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { minimumPassword, newPasswordReason, PasswordField } from '../../ui/credential-fields';
import { Facts, Panel } from '../../ui/panel';
import { Time } from '../../ui/time';
import { OwnSessions } from '../access/console-sessions';

export function AccountSettings() {
  const trpc = useTRPC();
  const identity = useIdentity();
  const singleSignOn = useQuery(trpc.auth.methods.queryOptions({})).data?.single_sign_on ?? null;
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const change = useMutation(
    trpc.auth.changePassword.mutationOptions({
      onSuccess: (done) => {
        setCurrent('');
        setNext('');
        setAgain('');
        toast.success(done.message);
      },
    }),
  );
  const reason = current === '' ? 'Type your present password.' : newPasswordReason(next, again);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null) change.mutate({ current_password: current, new_password: next });
  };
  return (
    <div className="grid items-start gap-3 md:grid-cols-2">
      <Panel title="Who I am">
        <Facts
          facts={[
            { label: 'Name', value: identity?.name ?? '–' },
            { label: 'Role', value: identity?.role ?? '–' },
            ...(singleSignOn
              ? [
                  {
                    label: 'Single sign-on',
                    value: (
                      <a className="underline" href={`${singleSignOn.path}?link=1&next=/settings`}>
                        Link my identity
                      </a>
                    ),
                  },
                ]
              : []),
            { label: 'Session ends', value: <Time at={identity?.session_expires_at} /> },
          ]}
        />
      </Panel>
      <Panel title="Change my password">
        <form onSubmit={submit} className="grid gap-3">
          <PasswordField
            label="Present password"
            autoComplete="current-password"
            value={current}
            onValue={setCurrent}
          />
          <PasswordField
            label="New password"
            hint={`At least ${minimumPassword} characters. Your other sessions end.`}
            autoComplete="new-password"
            value={next}
            onValue={setNext}
          />
          <PasswordField label="New password again" autoComplete="new-password" value={again} onValue={setAgain} />
          {change.error ? <ErrorPanel what="change the password" failure={failureOf(change.error)} /> : null}
          <div className="flex justify-end">
            <Button type="submit" variant="primary" disabledReason={reason} disabled={change.isPending}>
              Change it
            </Button>
          </div>
        </form>
      </Panel>
      <div className="md:col-span-2">
        <OwnSessions />
      </div>
    </div>
  );
}
