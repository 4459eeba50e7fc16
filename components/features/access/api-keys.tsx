'use client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { DangerAction } from '../../feedback/danger-action';
import { failureOf } from '../../feedback/failure';
import { QueryView } from '../../feedback/query-view';
import { EmptyState, ErrorPanel } from '../../feedback/states';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ApiKey, CreatedApiKey, Role } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CodeBlock } from '../../ui/code';
import { type Column, DataTable } from '../../ui/data-table';
import { Dialog } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { roleOptions } from './users';

export function ApiKeys() {
  const trpc = useTRPC();
  const query = useQuery(trpc.apiKeys.list.queryOptions({ limit: 1000 }));
  const columns: readonly Column<ApiKey>[] = [
    {
      id: 'name',
      header: 'Name',
      value: (row) => row.name,
      cell: (row) => <span className="font-medium">{row.name}</span>,
    },
    { id: 'prefix', header: 'Begins with', value: (row) => row.prefix, className: 'num' },
    { id: 'role', header: 'Role', value: (row) => row.role, cell: (row) => <Badge>{row.role}</Badge> },
    {
      id: 'groups',
      header: 'Groups',
      value: (row) => row.groups?.join(', ') ?? 'all',
      cell: (row) => (row.groups === null ? <span className="text-muted">all</span> : row.groups.join(', ')),
    },
    {
      id: 'state',
      header: 'State',
      value: stateOf,
      cell: (row) => <Status value={stateOf(row) === 'active' ? 'active' : 'stopped'} label={stateOf(row)} />,
    },
    { id: 'expires', header: 'Expires', value: (row) => row.expires_at, cell: (row) => <Time at={row.expires_at} /> },
    {
      id: 'used',
      header: 'Last used',
      value: (row) => row.last_used_at,
      cell: (row) =>
        row.last_used_at === null ? (
          <span className="text-muted">never</span>
        ) : (
          <span title={`from ${row.last_used_from}`}>
            <Time at={row.last_used_at} />
          </span>
        ),
    },
    { id: 'created', header: 'Created', value: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
    { id: 'by', header: 'By', value: (row) => row.created_by },
    { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <Revoke apiKey={row} /> },
  ];
  return (
    <Panel flush title="API keys" actions={<CreateKey />}>
      <QueryView query={query} what="the API keys" needs="admin" skeleton={<TableSkeleton label="API keys" />}>
        {(page) => (
          <DataTable
            id="keys"
            label="API keys"
            columns={columns}
            rows={page.items}
            rowId={(row) => row.id}
            empty={
              <EmptyState title="No API keys yet">
                A key lets a script call the API with a role of its own. Its secret is shown once.
              </EmptyState>
            }
          />
        )}
      </QueryView>
    </Panel>
  );
}

function stateOf(key: ApiKey): 'active' | 'revoked' | 'expired' {
  if (key.revoked) return 'revoked';
  return key.expires_at !== null && Date.parse(key.expires_at) < Date.now() ? 'expired' : 'active';
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.apiKeys.list.pathKey() });
}

function Revoke({ apiKey }: { readonly apiKey: ApiKey }) {
  const client = useTRPCClient();
  const refresh = useRefresh();
  return (
    <DangerAction
      size="sm"
      label="Revoke"
      title={`Revoke ${apiKey.name}`}
      description="Whatever uses this key is refused from now on. A revoked key can't come back."
      confirmName={apiKey.name}
      confirmLabel="Revoke the key"
      disabledReason={apiKey.revoked ? 'It is revoked already.' : null}
      onConfirm={() => client.apiKeys.revoke.mutate({ id: apiKey.id })}
      onDone={() => void refresh()}
    />
  );
}

function CreateKey() {
  const trpc = useTRPC();
  const refresh = useRefresh();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [expires, setExpires] = useState('');
  const [groups, setGroups] = useState<readonly string[]>([]);
  const known = useQuery({ ...trpc.cluster.getTopology.queryOptions({}), enabled: open }).data?.groups ?? [];
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  const create = useMutation(
    trpc.apiKeys.create.mutationOptions({
      onSuccess: async (key) => {
        setCreated(key);
        await refresh();
      },
    }),
  );
  const close = (next: boolean) => {
    setOpen(next);
    if (next) return;
    setCreated(null);
    setName('');
    setGroups([]);
    create.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name === '') return;
    create.mutate({
      name,
      role,
      ...(groups.length === 0 ? {} : { groups: [...groups] }),
      ...(expires === '' ? {} : { expires_at: new Date(expires).toISOString() }),
    });
  };
  return (
    <>
      <Button size="sm" variant="primary" onClick={() => setOpen(true)}>
        Create a key
      </Button>
      <Dialog open={open} onOpenChange={close} title={created ? `Key ${created.name}` : 'Create an API key'}>
        {created ? (
          <div className="grid gap-3">
            <p>This is the only time the secret is shown. Keep it where the program reads it, not in its source.</p>
            <CodeBlock label="Secret" code={created.secret} />
            <div className="flex justify-end">
              <Button variant="primary" onClick={() => close(false)}>
                I have kept it
              </Button>
            </div>
          </div>
        ) : (
          <form onSubmit={submit} className="grid gap-3">
            <Field label="Name" hint="What it is for, such as “nightly report”.">
              {(ids) => (
                <Input
                  {...ids}
                  autoFocus
                  maxLength={100}
                  value={name}
                  onChange={(event) => setName(event.target.value)}
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
            <fieldset className="grid gap-1">
              <legend className="font-medium">Groups</legend>
              <div className="flex flex-wrap gap-x-4 gap-y-1">
                {known.map((group) => (
                  <label key={group.name} className="flex items-center gap-1.5">
                    <input
                      type="checkbox"
                      checked={groups.includes(group.name)}
                      onChange={(event) =>
                        setGroups(
                          event.target.checked ? [...groups, group.name] : groups.filter((one) => one !== group.name),
                        )
                      }
                    />
                    {group.name}
                  </label>
                ))}
              </div>
              <p className="text-[0.92rem] text-muted">
                None chosen: every group. A key with chosen groups sees and changes only these, and nothing that
                concerns the whole cluster.
              </p>
            </fieldset>
            <Field label="Expires" hint="Empty: never.">
              {(ids) => (
                <Input
                  {...ids}
                  type="datetime-local"
                  value={expires}
                  onChange={(event) => setExpires(event.target.value)}
                />
              )}
            </Field>
            {create.error ? <ErrorPanel what="create the key" failure={failureOf(create.error)} /> : null}
            <div className="flex justify-end gap-2">
              <Button onClick={() => close(false)}>Cancel</Button>
              <Button
                type="submit"
                variant="primary"
                disabledReason={name === '' ? 'Name the key.' : null}
                disabled={create.isPending}
              >
                Create
              </Button>
            </div>
          </form>
        )}
      </Dialog>
    </>
  );
}
