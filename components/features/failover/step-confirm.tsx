'use client';
import { type FormEvent, useState } from 'react';
import { failureOf } from '../../feedback/failure';
import { ErrorPanel, PartialNote } from '../../feedback/states';
import { useSend } from '../../feedback/use-send';
import { useCalls } from '../../providers/calls';
import type { Operation, Preflight } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { Field, Input } from '../../ui/input';
import { Panel } from '../../ui/panel';
import type { WizardProps } from './failover-wizard';
import { PreflightFigures } from './step-checks';
import { failoverInput } from './wizard-state';

export function StepConfirm({
  state,
  go,
  preflight,
  stop,
  onChanged,
}: WizardProps & {
  readonly preflight: Preflight;
  readonly stop: string | null;
  readonly onChanged: () => void;
}) {
  const calls = useCalls();
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const [changed, setChanged] = useState<string | null>(null);
  const { send, busy, error } = useSend<Operation>({
    onDone: (operation) => go({ step: 'run', operation: operation.id }),
    onFailure: (refusal) => {
      const { code, message } = failureOf(refusal);
      if (code !== 'PRECONDITION_FAILED') return;
      setChanged(message);
      onChanged();
    },
  });
  const differs = state.plan !== preflight.plan_hash;
  const missing = stop ?? (typed === state.group ? null : `Type ${state.group} first.`);
  const call = calls.cluster.failover({
    ...failoverInput(state),
    plan_hash: state.plan,
    expected_epoch: preflight.epoch,
    ...(preflight.primary === null ? {} : { expected_primary: preflight.primary }),
    ...(reason === '' ? {} : { reason }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (missing === null && !busy) send(call);
  };
  const failure = error === null ? null : failureOf(error);
  return (
    <form onSubmit={submit} className="grid gap-3">
      <PreflightFigures preflight={preflight} />
      {changed !== null || differs ? (
        <PartialNote>
          {changed ?? 'The cluster changed since you looked at the plan.'} It was planned again: look at the new plan
          before you go on.{' '}
          <button type="button" className="underline" onClick={() => go({ step: 'plan', plan: '' })}>
            Show the new plan
          </button>
        </PartialNote>
      ) : null}
      <Panel className="max-w-xl">
        <div className="grid gap-3">
          <Field label={<>Type {state.group} to confirm</>}>
            {(ids) => (
              <Input
                {...ids}
                autoFocus
                autoComplete="off"
                spellCheck={false}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
            )}
          </Field>
          <Field label="Reason" hint="Kept in the operation and in the audit log.">
            {(ids) => (
              <Input {...ids} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
            )}
          </Field>
        </div>
      </Panel>
      {failure !== null && failure.code !== 'PRECONDITION_FAILED' ? (
        <ErrorPanel what="start the failover" failure={failure} />
      ) : null}
      <div className="flex justify-end gap-2">
        <CopyAs call={call} label="Copy as" />
        <Button onClick={() => go({ step: 'plan' })}>Back</Button>
        <Button type="submit" variant="danger" data-procedure={call.procedure} disabledReason={missing} disabled={busy}>
          {busy ? 'Starting…' : state.at === '' ? `Run the ${preflight.mode}` : `Schedule the ${preflight.mode}`}
        </Button>
      </div>
    </form>
  );
}
