'use client';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionForm } from '../../feedback/action-form';
import { QueryView } from '../../feedback/query-view';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { Config } from '../../providers/wire';
import { words } from '../../ui/format';
import { Checkbox, Field, Input } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { type ConfigField, changedValues, configGroups, contradictions, type Draft, fieldError } from './config-fields';

export function ClusterConfiguration() {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getConfig.queryOptions({}), refetchInterval: 10_000 });
  return (
    <QueryView query={query} what="the configuration" skeleton={<PanelSkeleton label="the configuration" lines={8} />}>
      {(config) => <ConfigForm config={config} />}
    </QueryView>
  );
}

function ConfigForm({ config }: { readonly config: Config }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  const role = useRoleReason('operator');
  const [draft, setDraft] = useState<Draft>({});
  const changed = changedValues(config, draft);
  const changes = changed.sync_replication === false ? { ...changed, allow_data_loss: true } : changed;
  const problems = contradictions(config, draft);
  const invalid = configGroups.flatMap((group) => group.fields).some((field) => fieldError(field, draft) !== null);
  const count = Object.keys(changed).length;
  const reason =
    role ?? (invalid ? 'A value is not valid.' : (problems[0] ?? (count === 0 ? 'Nothing was changed.' : null)));
  return (
    <ActionForm
      what="save the configuration"
      submitLabel={count <= 1 ? 'Save' : `Save ${count} changes`}
      incomplete={reason}
      leave={{
        label: 'Discard',
        onLeave: () => setDraft({}),
        disabledReason: count === 0 ? 'Nothing was changed.' : null,
      }}
      call={calls.cluster.updateConfig(changes as Parameters<typeof calls.cluster.updateConfig>[0])}
      onDone={(next) => {
        queryClient.setQueryData(trpc.cluster.getConfig.queryKey({}), next);
        setDraft({});
        toast.success('Saved', {
          description:
            next.adjusted.length === 0 ? 'In effect now.' : `Also raised: ${next.adjusted.map(words).join(', ')}.`,
        });
      }}
    >
      <div className="grid items-start gap-3 lg:grid-cols-3">
        {configGroups.map((group) => (
          <Panel key={group.title} title={group.title}>
            <div className="grid gap-3">
              {group.fields.map((field) => (
                <ConfigInput
                  key={field.key}
                  field={field}
                  config={config}
                  draft={draft}
                  disabled={role !== null}
                  onChange={setDraft}
                />
              ))}
            </div>
          </Panel>
        ))}
      </div>
    </ActionForm>
  );
}

function ConfigInput({
  field,
  config,
  draft,
  disabled,
  onChange,
}: {
  readonly field: ConfigField;
  readonly config: Config;
  readonly draft: Draft;
  readonly disabled: boolean;
  readonly onChange: (draft: Draft) => void;
}) {
  const present = config[field.key];
  if (field.kind === 'boolean') {
    const value = draft[field.key] ?? present;
    return (
      <Checkbox
        label={field.label}
        hint={field.hint}
        disabled={disabled}
        checked={value === true}
        onChange={(event) => onChange({ ...draft, [field.key]: event.target.checked })}
      />
    );
  }
  const value = String(draft[field.key] ?? present);
  return (
    <Field
      label={`${field.label}${field.unit ? ` (${field.unit})` : ''}`}
      hint={field.hint}
      error={fieldError(field, draft)}
    >
      {(ids) => (
        <Input
          {...ids}
          disabled={disabled}
          inputMode={field.kind === 'number' ? 'numeric' : 'text'}
          className={field.kind === 'number' ? 'num' : ''}
          value={value}
          onChange={(event) => onChange({ ...draft, [field.key]: event.target.value })}
        />
      )}
    </Field>
  );
}
