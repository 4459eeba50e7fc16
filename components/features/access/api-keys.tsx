'use client';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ActionForm } from '../../feedback/action-form';
import { DangerAction } from '../../feedback/danger-action';
import { FormDialog, ShownOnce } from '../../feedback/form-dialog';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ApiKey, CreatedApiKey, Role } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { zoneName } from '../../ui/format';
import { Checkbox, Field, Input } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { RoleField } from './account-fields';

export function ApiKeys() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.apiKeys.list.queryKey(input),
    fetchPage: (cursor) => client.apiKeys.list.query({ ...input, cursor }),
  });
  const columns: readonly Column<ApiKey>[] = [
    {
      id: 'name',
      header: 'Name',
      value: (row) => row.name,
      cell: (row) => <span className="font-medium">{row.name}</span>,
    },
    { id: 'prefix', header: 'Begins with', value: (row) => row.prefix, className: 'num' },
    {
      id: 'role',
      header: 'Role',
      value: (row) => row.effective_role ?? row.role,
      cell: (row) => <KeyRole apiKey={row} />,
    },
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
      cell: (row) => (
        <span title={row.ended_reason ?? undefined}>
          <Status value={row.ended_reason === null ? 'active' : 'stopped'} label={stateOf(row)} />
        </span>
      ),
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
    {
      id: 'by',
      header: 'By',
      value: (row) => row.created_by,
      cell: (row) =>
        row.person === null || row.created_by === `user:${row.person}` ? (
          row.created_by
        ) : (
          <span>
            {row.created_by} <span className="text-muted">of {row.person}</span>
          </span>
        ),
    },
    { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <Revoke apiKey={row} /> },
  ];
  return (
    <Panel flush title="API keys" actions={<CreateKey />}>
      <ListView query={query} what="the API keys" needs="admin" skeleton={<TableSkeleton label="API keys" />}>
        {(rows) => (
          <DataTable
            id="keys"
            label="API keys"
            columns={columns}
            rows={rows}
            rowId={(row) => row.id}
            empty={
              <EmptyState title="No API keys yet">
                A key lets a script call the API with a role of its own. Its secret is shown once.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}

/** Why it is refused is said in full: “alice, who made it, is disabled”. */
function stateOf(key: ApiKey): string {
  return key.ended_reason ?? 'active';
}

/** A key does no more than the person behind it, whatever role it was given. */
function KeyRole({ apiKey }: { readonly apiKey: ApiKey }) {
  const now = apiKey.effective_role ?? apiKey.role;
  if (now === apiKey.role) return <Badge>{now}</Badge>;
  return (
    <span title={`Made as ${apiKey.role}; ${apiKey.person} is ${now} now`}>
      <Badge>{now}</Badge> <span className="text-muted">was {apiKey.role}</span>
    </span>
  );
}

function useRefresh(): () => Promise<void> {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: trpc.apiKeys.list.pathKey() });
}

function Revoke({ apiKey }: { readonly apiKey: ApiKey }) {
  const calls = useCalls();
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
      call={calls.apiKeys.revoke({ id: apiKey.id })}
      onDone={refresh}
    />
  );
}

function CreateKey() {
  const [created, setCreated] = useState<CreatedApiKey | null>(null);
  return (
    <>
      <FormDialog
        door="create-key"
        label="Create a key"
        procedure="apiKeys.create"
        title="Create an API key"
        variant="primary"
      >
        {(close) => <CreateKeyForm close={close} onCreated={setCreated} />}
      </FormDialog>
      {created ? (
        <ShownOnce
          title={`Key ${created.name}`}
          label="Secret"
          text={created.secret}
          doneLabel="I have kept it"
          onClose={() => setCreated(null)}
        >
          <p>This is the only time the secret is shown. Keep it where the program reads it, not in its source.</p>
        </ShownOnce>
      ) : null}
    </>
  );
}

function CreateKeyForm({
  close,
  onCreated,
}: {
  readonly close: () => void;
  readonly onCreated: (key: CreatedApiKey) => void;
}) {
  const calls = useCalls();
  const refresh = useRefresh();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [expires, setExpires] = useState('');
  const [groups, setGroups] = useState<readonly string[]>([]);
  return (
    <ActionForm
      what="create the key"
      submitLabel="Create"
      incomplete={name === '' ? 'Name the key.' : null}
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.apiKeys.create({
        name,
        role,
        ...(groups.length === 0 ? {} : { groups: [...groups] }),
        ...(expires === '' ? {} : { expires_at: new Date(expires).toISOString() }),
      })}
      onDone={(key) => {
        close();
        onCreated(key);
        return refresh();
      }}
    >
      <Field label="Name" hint="What it is for, such as “nightly report”.">
        {(ids) => (
          <Input {...ids} autoFocus maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <RoleField value={role} onValue={setRole} />
      <GroupChoice chosen={groups} onChange={setGroups} />
      <Field label="Expires" hint={`Your local time (${zoneName(new Date())}). Empty: never.`}>
        {(ids) => (
          <Input {...ids} type="datetime-local" value={expires} onChange={(event) => setExpires(event.target.value)} />
        )}
      </Field>
    </ActionForm>
  );
}

function GroupChoice({
  chosen,
  onChange,
}: {
  readonly chosen: readonly string[];
  readonly onChange: (groups: readonly string[]) => void;
}) {
  const trpc = useTRPC();
  const known = useQuery(trpc.cluster.getTopology.queryOptions({})).data?.groups ?? [];
  return (
    <fieldset className="grid gap-1">
      <legend className="font-medium">Groups</legend>
      <div className="flex flex-wrap gap-x-4 gap-y-1">
        {known.map(({ name }) => (
          <Checkbox
            key={name}
            label={name}
            checked={chosen.includes(name)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, name] : chosen.filter((one) => one !== name))
            }
          />
        ))}
      </div>
      <p className="text-[0.92rem] text-muted">
        None chosen: every group. A key with chosen groups sees and changes only these, and nothing that concerns the
        whole cluster.
      </p>
    </fieldset>
  );
}
