'use client';
/** A server outside the cluster as a resource manager: it is tried first, and what it answered is shown before anything is kept. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionForm } from '../../feedback/action-form';
import { FormDialog } from '../../feedback/form-dialog';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { ResourceManager } from '../../providers/wire';
import { Field, Input, Select } from '../../ui/input';

type Kind = 'postgresql' | 'mariadb';

const kinds = [
  { value: 'postgresql', label: 'PostgreSQL' },
  { value: 'mariadb', label: 'MariaDB' },
] as const;
const tlsModes = [
  { value: 'verify-full', label: 'Encrypted; certificate and host name are checked' },
  { value: 'verify-ca', label: 'Encrypted; certificate is checked' },
  { value: 'off', label: 'Not encrypted' },
] as const;
const usualPorts: Readonly<Record<Kind, string>> = { postgresql: '5432', mariadb: '3306' };

const first = {
  name: '',
  kind: 'postgresql' as Kind,
  host: '',
  port: usualPorts.postgresql,
  database: '',
  user: '',
  password: '',
  tls: 'verify-full' as ResourceManager['tls'],
};

export function RegisterManager() {
  const role = useRoleReason('operator');
  if (role !== null) return null;
  return (
    <FormDialog
      door="register-resource-manager"
      label="Register a server"
      procedure="xa.registerManager"
      title="Register a resource manager"
      description="The primary of the coordinator group connects to it. Groups of this cluster need no registration."
    >
      {(close) => <RegisterForm close={close} />}
    </FormDialog>
  );
}

function RegisterForm({ close }: { readonly close: () => void }) {
  const calls = useCalls();
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState(first);
  const [tried, setTried] = useState<ResourceManager | null>(null);
  const put = (change: Partial<typeof first>) => {
    setDraft({ ...draft, ...change });
    // What answered was another server.
    setTried(null);
  };
  const input = { ...draft, port: Number(draft.port) };
  const text = (key: 'name' | 'host' | 'port' | 'database' | 'user', label: string) => (
    <Field label={label}>
      {(ids) => (
        <Input
          {...ids}
          autoComplete="off"
          spellCheck={false}
          value={draft[key]}
          onChange={(event) => put({ [key]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <ActionForm
      what="register the server"
      submitLabel={tried === null ? 'Try the connection' : 'Register it'}
      incomplete={missingIn(draft)}
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.xa.registerManager(tried === null ? { ...input, dry_run: true } : input)}
      onDone={(manager) => {
        if (tried === null) return setTried(manager);
        toast.success(`${manager.name} is registered`);
        close();
        return queryClient.invalidateQueries({ queryKey: trpc.xa.listManagers.pathKey() });
      }}
    >
      <div className="grid gap-3 sm:grid-cols-2">
        {text('name', 'Name')}
        <Field label="Kind">
          {(ids) => (
            <Select
              {...ids}
              value={draft.kind}
              options={kinds}
              onChange={(event) => {
                const kind = event.target.value as Kind;
                put({ kind, ...(draft.port === usualPorts[draft.kind] ? { port: usualPorts[kind] } : {}) });
              }}
            />
          )}
        </Field>
        {text('host', 'Host')}
        {text('port', 'Port')}
        {text('database', 'Database')}
        {text('user', 'User')}
        <Field label="Password">
          {(ids) => (
            <Input
              {...ids}
              type="password"
              autoComplete="new-password"
              value={draft.password}
              onChange={(event) => put({ password: event.target.value })}
            />
          )}
        </Field>
        <Field label="Connection">
          {(ids) => (
            <Select
              {...ids}
              value={draft.tls}
              options={tlsModes}
              onChange={(event) => put({ tls: event.target.value as ResourceManager['tls'] })}
            />
          )}
        </Field>
      </div>
      {tried === null ? null : (
        <p aria-live="polite">
          It answered in {tried.health.round_trip_ms?.toFixed(1) ?? '?'} ms: {tried.health.version ?? 'version unknown'}
          . {tried.health.sentence ?? ''}
        </p>
      )}
    </ActionForm>
  );
}

function missingIn({ name, host, port, database, user }: typeof first): string | null {
  if (name === '' || host === '' || database === '' || user === '') return 'Name, host, database and user are needed.';
  return /^\d{1,5}$/.test(port) ? null : 'The port is a number.';
}
