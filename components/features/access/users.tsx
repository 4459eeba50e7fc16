'use client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { toast } from 'sonner';
import { DangerAction } from '../../feedback/danger-action';
import { failureOf } from '../../feedback/failure';
import { QueryView } from '../../feedback/query-view';
import { EmptyState, ErrorPanel } from '../../feedback/states';
import { useIdentity } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Role, User } from '../../providers/wire';
import { Button } from '../../ui/button';
import { type Column, DataTable } from '../../ui/data-table';
import { Dialog } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';

export const roleOptions = [
  { value: 'viewer', label: 'Viewer: sees everything, changes nothing' },
  { value: 'operator', label: 'Operator: also acts on the cluster' },
  { value: 'admin', label: 'Admin: also force, users, keys, audit' },
] as const;

const minimumPassword = 12;

export function Users() {
  const trpc = useTRPC();
  const query = useQuery(trpc.users.list.queryOptions({ limit: 1000 }));
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
    <Panel flush title="Users" actions={<CreateUser />}>
      <QueryView query={query} what="the users" needs="admin" skeleton={<TableSkeleton label="users" />}>
        {(page) => (
          <DataTable
            id="users"
            label="Users"
            columns={columns}
            rows={page.items}
            rowId={(row) => row.id}
            empty={<EmptyState title="No users">Create the first one above.</EmptyState>}
          />
        )}
      </QueryView>
    </Panel>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.users.list.pathKey() });
}

function UserActions({ user }: { readonly user: User }) {
  const client = useTRPCClient();
  const me = useIdentity();
  const refresh = useRefresh();
  const own = me?.id === user.id ? 'You can’t lock yourself out.' : null;
  return (
    <span className="flex gap-1">
      <EditUser user={user} own={own} />
      <DangerAction
        size="sm"
        tone={user.disabled ? 'default' : 'danger'}
        label={user.disabled ? 'Enable' : 'Disable'}
        title={`${user.disabled ? 'Enable' : 'Disable'} ${user.username}`}
        description={
          user.disabled ? 'They can sign in again.' : 'Their sessions end now; they can’t sign in until enabled again.'
        }
        confirmName={user.disabled ? null : user.username}
        confirmLabel={user.disabled ? 'Enable' : 'Disable'}
        disabledReason={own}
        onConfirm={() => client.users.update.mutate({ id: user.id, disabled: !user.disabled })}
        onDone={() => void refresh()}
      />
      <DangerAction
        size="sm"
        label="Delete"
        title={`Delete ${user.username}`}
        description="Their sessions end now. The audit log keeps what they did."
        confirmName={user.username}
        confirmLabel="Delete the user"
        disabledReason={own}
        onConfirm={() => client.users.delete.mutate({ id: user.id })}
        onDone={() => void refresh()}
      />
    </span>
  );
}

function EditUser({ user, own }: { readonly user: User; readonly own: string | null }) {
  const trpc = useTRPC();
  const refresh = useRefresh();
  const [open, setOpen] = useState(false);
  const [role, setRole] = useState<Role>(user.role);
  const [password, setPassword] = useState('');
  const update = useMutation(
    trpc.users.update.mutationOptions({
      onSuccess: async () => {
        await refresh();
        setOpen(false);
        setPassword('');
        toast.success(`${user.username} was changed; their sessions have ended`);
      },
    }),
  );
  const reason =
    password !== '' && password.length < minimumPassword
      ? `The password needs at least ${minimumPassword} characters.`
      : role === user.role && password === ''
        ? 'Nothing was changed.'
        : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason !== null) return;
    update.mutate({ id: user.id, ...(role === user.role ? {} : { role }), ...(password === '' ? {} : { password }) });
  };
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        Edit
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={`Edit ${user.username}`}
        description="A change ends the user's sessions."
      >
        <form onSubmit={submit} className="grid gap-3">
          <Field label="Role" hint={own ?? undefined}>
            {(ids) => (
              <Select
                {...ids}
                disabled={own !== null}
                value={role}
                options={roleOptions}
                onChange={(event) => setRole(event.target.value as Role)}
              />
            )}
          </Field>
          <Field label="New password" hint="Empty: keep the present one.">
            {(ids) => (
              <Input
                {...ids}
                type="password"
                autoComplete="new-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
              />
            )}
          </Field>
          {update.error ? <ErrorPanel what="change the user" failure={failureOf(update.error)} /> : null}
          <div className="flex justify-end gap-2">
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" variant="primary" disabledReason={reason} disabled={update.isPending}>
              Save
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}

function CreateUser() {
  const trpc = useTRPC();
  const refresh = useRefresh();
  const [open, setOpen] = useState(false);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const create = useMutation(
    trpc.users.create.mutationOptions({
      onSuccess: async (user) => {
        await refresh();
        setOpen(false);
        setUsername('');
        setPassword('');
        toast.success(`${user.username} can sign in now`);
      },
    }),
  );
  const reason =
    username === ''
      ? 'Name the user.'
      : password.length < minimumPassword
        ? `The password needs at least ${minimumPassword} characters.`
        : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null) create.mutate({ username, password, role });
  };
  return (
    <>
      <Button size="sm" variant="primary" onClick={() => setOpen(true)}>
        Create a user
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title="Create a user">
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
          <Field label="Password" hint={`At least ${minimumPassword} characters; hand it over on a safe way.`}>
            {(ids) => (
              <Input
                {...ids}
                type="password"
                autoComplete="new-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
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
          {create.error ? <ErrorPanel what="create the user" failure={failureOf(create.error)} /> : null}
          <div className="flex justify-end gap-2">
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" variant="primary" disabledReason={reason} disabled={create.isPending}>
              Create
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
