'use client';
/** What the cluster asks of those who use force: how recent the password, a second admin, a confirmation by keys. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionForm } from '../../feedback/action-form';
import { QueryView } from '../../feedback/query-view';
import { useCalls } from '../../providers/calls';
import { useTRPC } from '../../providers/trpc';
import type { AccessPolicy } from '../../providers/wire';
import { Field, Input } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';

export function ForcePolicy() {
  const trpc = useTRPC();
  const query = useQuery(trpc.accessPolicy.get.queryOptions({}));
  return (
    <Panel title="Before force is used">
      <QueryView query={query} what="the policy" needs="viewer" skeleton={<TableSkeleton label="policy" />}>
        {(policy) => <PolicyForm key={JSON.stringify(policy)} policy={policy} />}
      </QueryView>
    </Panel>
  );
}

function PolicyForm({ policy }: { readonly policy: AccessPolicy }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState(policy);
  const changes = Object.fromEntries(
    Object.entries(draft).filter(([key, value]) => policy[key as keyof AccessPolicy] !== value),
  );
  return (
    <ActionForm
      className="max-w-xl"
      what="change the policy"
      submitLabel="Save"
      incomplete={Object.keys(changes).length === 0 ? 'Nothing was changed.' : null}
      call={calls.accessPolicy.update(changes)}
      onDone={() => {
        toast.success('The policy was changed');
        return queryClient.invalidateQueries({ queryKey: trpc.accessPolicy.pathKey() });
      }}
    >
      <p className="text-muted">
        Force is: accepting data loss, stopping or restarting a primary without a switchover, removing a node with its
        data, and weakening this policy.
      </p>
      <Field label="Password not older than (minutes)" hint="People give it again in the dialog of the action.">
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            max={720}
            value={draft.reauthenticate_minutes}
            onChange={(event) => setDraft({ ...draft, reauthenticate_minutes: Number(event.target.value) })}
          />
        )}
      </Field>
      <Check
        label="Another admin must approve it (four eyes)"
        hint="The call waits under Approvals, with its plan. Switching this off then takes two as well."
        checked={draft.force_needs_approval}
        onChange={(force_needs_approval) => setDraft({ ...draft, force_needs_approval })}
      />
      <Field label="A request waits for (minutes)">
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={5}
            max={10_080}
            value={draft.approval_minutes}
            onChange={(event) => setDraft({ ...draft, approval_minutes: Number(event.target.value) })}
          />
        )}
      </Field>
      <Check
        label="API keys must confirm it"
        hint="They send “confirm” with the name of the node or group that is hit."
        checked={draft.keys_confirm_force}
        onChange={(keys_confirm_force) => setDraft({ ...draft, keys_confirm_force })}
      />
    </ActionForm>
  );
}

function Check(props: {
  readonly label: string;
  readonly hint: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label className="grid gap-0.5">
      <span className="flex items-center gap-2 font-medium">
        <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.target.checked)} />
        {props.label}
      </span>
      <span className="text-[0.92rem] text-muted">{props.hint}</span>
    </label>
  );
}
