'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionForm } from '../../feedback/action-form';
import { DangerAction } from '../../feedback/danger-action';
import { FormDialog } from '../../feedback/form-dialog';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, usePages } from '../../providers/pages';
import { useIdentity } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Role, User } from '../../providers/wire';
import { minimumPassword, newPasswordReason, PasswordField } from '../../ui/credential-fields';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { NewUserNameField, RoleField } from './account-fields';

export function Users() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.users.list.queryKey(input),
    fetchPage: (cursor) => client.users.list.query({ ...input, cursor }),
  });
  const columns: readonly Column<User>[] = [
    {
      id: 'name',
      header: 'User',
      value: (row) => row.username,
      cell: (row) => <span className="font-medium">{row.username}</span>,
    },
    { id: 'role', header: 'Role', value: (row) => row.role, cell: (row) => <Badge>{row.role}</Badge> },
    {
      id: 'state',
      header: 'State',
      value: (row) => (row.disabled ? 'disabled' : 'active'),
      cell: (row) => (
        <Status value={row.disabled ? 'stopped' : 'active'} label={row.disabled ? 'disabled' : 'active'} />
      ),
    },
    { id: 'created', header: 'Created', value: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
    { id: 'by', header: 'By', value: (row) => row.created_by },
    {
      id: 'password',
      header: 'Password changed',
      value: (row) => row.password_changed_at,
      cell: (row) => <Time at={row.password_changed_at} />,
    },
    { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <UserActions user={row} /> },
  ];
  return (
    <Panel
      flush
      title="Users"
      actions={
        <FormDialog
          door="create-user"
          label="Create a user"
          procedure="users.create"
          title="Create a user"
          variant="primary"
        >
          {(close) => <CreateUser close={close} />}
        </FormDialog>
      }
    >
      <ListView query={query} what="the users" needs="admin" skeleton={<TableSkeleton label="users" />}>
        {(rows) => (
          <DataTable
            id="users"
            label="Users"
            columns={columns}
            rows={rows}
            rowId={(row) => row.id}
            empty={<EmptyState title="No users">Create the first one above.</EmptyState>}
          />
        )}
      </ListView>
    </Panel>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.users.list.pathKey() });
}

function UserActions({ user }: { readonly user: User }) {
  const calls = useCalls();
  const me = useIdentity();
  const refresh = useRefresh();
  const own = me?.id === user.id ? 'You can’t lock yourself out.' : null;
  return (
    <span className="flex gap-1">
      <FormDialog
        label="Edit"
        procedure="users.update"
        title={`Edit ${user.username}`}
        description="A change ends the user's sessions. The API keys they made never do more than their role."
      >
        {(close) => <EditUser user={user} own={own} close={close} />}
      </FormDialog>
      <DangerAction
        size="sm"
        tone={user.disabled ? 'default' : 'danger'}
        label={user.disabled ? 'Enable' : 'Disable'}
        title={`${user.disabled ? 'Enable' : 'Disable'} ${user.username}`}
        description={
          user.disabled
            ? 'They can sign in again, and the API keys they made work again.'
            : 'Their sessions end now, and the API keys they made stop working; they can’t sign in until enabled again.'
        }
        confirmName={user.disabled ? null : user.username}
        confirmLabel={user.disabled ? 'Enable' : 'Disable'}
        disabledReason={own}
        call={calls.users.update({ id: user.id, disabled: !user.disabled })}
        onDone={refresh}
      />
      <DangerAction
        size="sm"
        label="Delete"
        title={`Delete ${user.username}`}
        description="Their sessions end now, and the API keys they made stop working for good. The audit log keeps what they did."
        confirmName={user.username}
        confirmLabel="Delete the user"
        disabledReason={own}
        call={calls.users.delete({ id: user.id })}
        onDone={refresh}
      />
    </span>
  );
}

function EditUser({
  user,
  own,
  close,
}: {
  readonly user: User;
  readonly own: string | null;
  readonly close: () => void;
}) {
  const calls = useCalls();
  const refresh = useRefresh();
  const [role, setRole] = useState<Role>(user.role);
  const [password, setPassword] = useState('');
  const nothing = role === user.role && password === '' ? 'Nothing was changed.' : null;
  return (
    <ActionForm
      what="change the user"
      submitLabel="Save"
      incomplete={nothing ?? (password === '' ? null : newPasswordReason(password))}
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.users.update({
        id: user.id,
        ...(role === user.role ? {} : { role }),
        ...(password === '' ? {} : { password }),
      })}
      onDone={async () => {
        await refresh();
        close();
        toast.success(`${user.username} was changed; their sessions have ended`);
      }}
    >
      <RoleField value={role} onValue={setRole} ownReason={own} />
      <PasswordField
        label="New password"
        hint="Empty: keep the present one."
        autoComplete="new-password"
        value={password}
        onValue={setPassword}
      />
    </ActionForm>
  );
}

function CreateUser({ close }: { readonly close: () => void }) {
  const calls = useCalls();
  const refresh = useRefresh();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <ActionForm
      what="create the user"
      submitLabel="Create"
      incomplete={username === '' ? 'Name the user.' : newPasswordReason(password)}
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.users.create({ username, password, role })}
      onDone={async (user) => {
        await refresh();
        close();
        toast.success(`${user.username} can sign in now`);
      }}
    >
      <NewUserNameField value={username} onValue={setUsername} />
      <PasswordField
        label="Password"
        hint={`At least ${minimumPassword} characters; hand it over on a safe way.`}
        autoComplete="new-password"
        value={password}
        onValue={setPassword}
      />
      <RoleField value={role} onValue={setRole} />
    </ActionForm>
  );
}
