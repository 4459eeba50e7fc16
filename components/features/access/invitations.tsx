'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ActionForm } from '../../feedback/action-form';
import { DangerAction } from '../../feedback/danger-action';
import { FormDialog, ShownOnce } from '../../feedback/form-dialog';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { CreatedInvitation, Invitation, Role } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { Time } from '../../ui/time';
import { NewUserNameField, RoleField } from './account-fields';

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
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.invitations.list.queryKey(input),
    fetchPage: (cursor) => client.invitations.list.query({ ...input, cursor }),
  });
  return (
    <Panel flush title="Invitations" actions={<Invite />}>
      <ListView query={query} what="the invitations" needs="admin" skeleton={<TableSkeleton label="invitations" />}>
        {(rows) => (
          <DataTable
            id="invitations"
            label="Invitations"
            columns={columns}
            rows={rows}
            rowId={(row) => row.id}
            empty={
              <EmptyState title="Nobody is invited">
                An invited person opens the link, chooses a password and so has an account. Nobody else knows it.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.invitations.pathKey() });
}

function Withdraw({ invitation }: { readonly invitation: Invitation }) {
  const calls = useCalls();
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
      call={calls.invitations.withdraw({ id: invitation.id })}
      onDone={refresh}
    />
  );
}

function Invite() {
  const [created, setCreated] = useState<CreatedInvitation | null>(null);
  return (
    <>
      <FormDialog door="invite" label="Invite a user" procedure="invitations.create" title="Invite a user">
        {(close) => <InviteForm close={close} onCreated={setCreated} />}
      </FormDialog>
      {created ? (
        <ShownOnce
          title={`Link for ${created.username}`}
          label="Link"
          text={`${window.location.origin}${created.path}`}
          doneLabel="I have sent it"
          onClose={() => setCreated(null)}
        >
          <p>
            Send this link to {created.username} on a safe way. It works once, until <Time at={created.expires_at} />,
            and is shown only now.
          </p>
        </ShownOnce>
      ) : null}
    </>
  );
}

function InviteForm({
  close,
  onCreated,
}: {
  readonly close: () => void;
  readonly onCreated: (invitation: CreatedInvitation) => void;
}) {
  const calls = useCalls();
  const refresh = useRefresh();
  const [username, setUsername] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <ActionForm
      what="invite the user"
      submitLabel="Make the link"
      incomplete={username === '' ? 'Name the user.' : null}
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.invitations.create({ username, role })}
      onDone={(invitation) => {
        close();
        onCreated(invitation);
        return refresh();
      }}
    >
      <NewUserNameField value={username} onValue={setUsername} />
      <RoleField value={role} onValue={setRole} />
    </ActionForm>
  );
}
