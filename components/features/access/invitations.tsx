'use client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { DangerAction } from '../../feedback/danger-action';
import { failureOf } from '../../feedback/failure';
import { QueryView } from '../../feedback/query-view';
import { EmptyState, ErrorPanel } from '../../feedback/states';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { CreatedInvitation, Invitation, Role } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CodeBlock } from '../../ui/code';
import { type Column, DataTable } from '../../ui/data-table';
import { Dialog } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { Time } from '../../ui/time';
import { roleOptions } from './users';

const columns: readonly Column<Invitation>[] = [
  { id: 'user', header: 'User', value: (row) => row.username },
  { id: 'role', header: 'Role', value: (row) => row.role, cell: (row) => <Badge>{row.role}</Badge> },
  { id: 'state', header: 'State', value: (row) => row.state },
  { id: 'until', header: 'Until', value: (row) => row.expires_at, cell: (row) => <Time at={row.expires_at} /> },
  { id: 'by', header: 'By', value: (row) => row.created_by },
  { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <Withdraw invitation={row} /> },
];

export function Invitations() {
  const trpc = useTRPC();
  const query = useQuery(trpc.invitations.list.queryOptions({ limit: 1000 }));
  return (
    <Panel flush title="Invitations" actions={<Invite />}>
      <QueryView query={query} what="the invitations" needs="admin" skeleton={<TableSkeleton label="invitations" />}>
        {(page) => (
          <DataTable
            id="invitations"
            label="Invitations"
            columns={columns}
            rows={page.items}
            rowId={(row) => row.id}
            empty={
              <EmptyState title="Nobody is invited">
                An invited person opens the link, chooses a password and so has an account. Nobody else knows it.
              </EmptyState>
            }
          />
        )}
      </QueryView>
    </Panel>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.invitations.pathKey() });
}

function Withdraw({ invitation }: { readonly invitation: Invitation }) {
  const client = useTRPCClient();
  const refresh = useRefresh();
  return (
    <DangerAction
      size="sm"
      label="Withdraw"
      title={`Withdraw the invitation of ${invitation.username}`}
      description="Its link stops working now."
      confirmName={null}
      confirmLabel="Withdraw"
      disabledReason={invitation.state === 'open' ? null : `It is ${invitation.state} already.`}
      onConfirm={() => client.invitations.withdraw.mutate({ id: invitation.id })}
      onDone={() => void refresh()}
    />
  );
}

function Invite() {
  const trpc = useTRPC();
  const refresh = useRefresh();
  const [open, setOpen] = useState(false);
  const [username, setUsername] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [created, setCreated] = useState<CreatedInvitation | null>(null);
  const create = useMutation(
    trpc.invitations.create.mutationOptions({
      onSuccess: async (invitation) => {
        setCreated(invitation);
        await refresh();
      },
    }),
  );
  const close = (next: boolean) => {
    setOpen(next);
    if (next) return;
    setCreated(null);
    setUsername('');
    create.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (username !== '') create.mutate({ username, role });
  };
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        Invite a user
      </Button>
      <Dialog open={open} onOpenChange={close} title={created ? `Link for ${created.username}` : 'Invite a user'}>
        {created ? (
          <div className="grid gap-3">
            <p>
              Send this link to {created.username} on a safe way. It works once, until <Time at={created.expires_at} />,
              and is shown only now.
            </p>
            <CodeBlock label="Link" code={`${window.location.origin}${created.path}`} />
            <div className="flex justify-end">
              <Button variant="primary" onClick={() => close(false)}>
                I have sent it
              </Button>
            </div>
          </div>
        ) : (
          <form onSubmit={submit} className="grid gap-3">
            <Field label="User name" hint="Lower-case letters, digits and . _ @ -">
              {(ids) => (
                <Input
                  {...ids}
                  autoFocus
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  value={username}
                  onChange={(event) => setUsername(event.target.value)}
                />
              )}
            </Field>
            <Field label="Role">
              {(ids) => (
                <Select
                  {...ids}
                  value={role}
                  options={roleOptions}
                  onChange={(event) => setRole(event.target.value as Role)}
                />
              )}
            </Field>
            {create.error ? <ErrorPanel what="invite the user" failure={failureOf(create.error)} /> : null}
            <div className="flex justify-end gap-2">
              <Button onClick={() => close(false)}>Cancel</Button>
              <Button
                type="submit"
                variant="primary"
                disabledReason={username === '' ? 'Name the user.' : null}
                disabled={create.isPending}
              >
                Make the link
              </Button>
            </div>
          </form>
        )}
      </Dialog>
    </>
  );
}
