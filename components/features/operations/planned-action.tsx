'use client';
/**
 * A dangerous action on the cluster: the server's own plan (steps, checks, pause, data at risk) → the name typed → the same plan runs (by its hash) →
 * live steps. If the cluster changed meanwhile the server answers 412, and the dialog says so and plans again.
 */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { blockers, CheckList } from '../../feedback/checks';
import { failureOf } from '../../feedback/failure';
import { QueryView } from '../../feedback/query-view';
import { ErrorPanel, PartialNote } from '../../feedback/states';
import { useDoor } from '../../feedback/use-door';
import { useSend } from '../../feedback/use-send';
import type { Operation } from '../../providers/wire';
import { Button } from '../../ui/button';
import type { Call } from '../../ui/call-forms';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { Dialog } from '../../ui/dialog';
import { formatBytes, formatDuration } from '../../ui/format';
import { Field, Input } from '../../ui/input';
import { FormActions } from '../../ui/scroll-body';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { OperationLink, useOperation } from './operation-view';
import { StepList } from './step-list';

type PlanGuards = { readonly dry_run?: true; readonly plan_hash?: string; readonly reason?: string };

export type PlannedActionProps = {
  readonly label: ReactNode;
  readonly title: string;
  readonly description: string;
  readonly confirmName: string;
  readonly confirmLabel: string;
  readonly disabledReason?: string | null;
  readonly danger?: boolean;
  readonly size?: 'sm' | 'md';
  /** Its name in the address. */
  readonly door?: string;
  /** Further inputs above the plan; changing `planKey` plans again. */
  readonly options?: ReactNode;
  readonly planKey?: string;
  /** The call with what the dialog adds: as a plan, or with the hash of the plan that was shown. */
  readonly call: (how: PlanGuards) => Call<Operation>;
};

export function PlannedAction(props: PlannedActionProps) {
  const [open, setOpen] = useDoor(props.door, props.disabledReason ?? null);
  return (
    <>
      <Button
        size={props.size ?? 'md'}
        variant={props.danger ? 'danger' : 'default'}
        data-procedure={props.call({}).procedure}
        disabledReason={props.disabledReason}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={props.title}
        description={props.description}
        className="w-[min(42rem,94vw)]"
      >
        {open ? <PlanAndRun {...props} onClose={() => setOpen(false)} /> : null}
      </Dialog>
    </>
  );
}

function PlanAndRun(props: PlannedActionProps & { readonly onClose: () => void }) {
  const [started, setStarted] = useState<Operation | null>(null);
  if (started !== null) return <Running operation={started} onClose={props.onClose} />;
  return <Plan {...props} onStarted={setStarted} />;
}

function Plan(
  props: PlannedActionProps & { readonly onClose: () => void; readonly onStarted: (operation: Operation) => void },
) {
  const id = useId();
  const [replanned, setReplanned] = useState(0);
  const [changed, setChanged] = useState<string | null>(null);
  const query = useQuery({
    // A plan belongs to this dialog only: nobody else may be served it from the cache.
    queryKey: ['plan', id, props.planKey ?? '', replanned],
    queryFn: () => props.call({ dry_run: true }).send(),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
  return (
    <div className="grid gap-3">
      {props.options}
      {changed ? <PartialNote>{changed}</PartialNote> : null}
      <QueryView query={query} what="the plan" needs="operator" skeleton={<PanelSkeleton label="the plan" />}>
        {(plan) => (
          <ConfirmPlan
            {...props}
            shown={plan}
            onChanged={(message) => {
              setChanged(`${message} This is the new plan.`);
              setReplanned((count) => count + 1);
            }}
          />
        )}
      </QueryView>
    </div>
  );
}

function ConfirmPlan({
  shown: plan,
  call: callFor,
  confirmName,
  confirmLabel,
  danger,
  onStarted,
  onChanged,
  onClose,
}: PlannedActionProps & {
  readonly shown: Operation;
  readonly onStarted: (operation: Operation) => void;
  readonly onChanged: (message: string) => void;
  readonly onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const { send, busy, error } = useSend<Operation>({
    onDone: onStarted,
    onFailure: (failure) => {
      const { code, message } = failureOf(failure);
      if (code === 'PRECONDITION_FAILED') onChanged(message);
    },
  });
  const call = callFor({ plan_hash: plan.plan_hash, ...(reason === '' ? {} : { reason }) });
  const stops = blockers(plan.checks);
  const blocked =
    stops.length > 0
      ? `${counted(stops.length, 'check blocks', 'checks block')} this.`
      : typed === confirmName
        ? null
        : `Type ${confirmName} first.`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (blocked === null && !busy) send(call);
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <p>
        Expected write pause <strong>{plan.expected_pause_ms ? formatDuration(plan.expected_pause_ms) : 'none'}</strong>
        , WAL at risk <strong>{formatBytes(plan.bytes_at_risk ?? 0)}</strong>.
      </p>
      {plan.checks.length > 0 ? (
        <section>
          <h3 className="mb-1 font-semibold">Checks</h3>
          <CheckList checks={plan.checks} label="Checks" />
        </section>
      ) : null}
      <section>
        <h3 className="mb-1 font-semibold">Exactly these steps</h3>
        <StepList steps={plan.steps} planned />
      </section>
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label={<>Type {confirmName} to confirm</>}>
          {(ids) => (
            <Input
              {...ids}
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
        <Field label="Reason (kept in the audit log)">
          {(ids) => (
            <Input {...ids} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
          )}
        </Field>
      </div>
      {error !== null && failureOf(error).code !== 'PRECONDITION_FAILED' ? (
        <ErrorPanel what={confirmLabel.toLowerCase()} failure={failureOf(error)} />
      ) : null}
      <FormActions>
        <CopyAs call={call} label="Copy as" />
        <Button onClick={onClose}>Keep things as they are</Button>
        <Button
          type="submit"
          variant={danger ? 'danger' : 'primary'}
          data-procedure={call.procedure}
          disabledReason={blocked}
          disabled={busy}
        >
          {busy ? 'Starting…' : confirmLabel}
        </Button>
      </FormActions>
    </form>
  );
}

function Running({ operation, onClose }: { readonly operation: Operation; readonly onClose: () => void }) {
  const current = useOperation(operation.id).data ?? operation;
  return (
    <div className="grid gap-3" data-testid="running-operation">
      <p className="flex items-center gap-2">
        <Status value={current.state} />
        <OperationLink id={current.id}>Open the operation</OperationLink>
      </p>
      <StepList steps={current.steps} />
      {current.error ? <p className="text-bad">{current.error.message}</p> : null}
      <p className="text-muted">Closing this changes nothing: the operation goes on in the cluster.</p>
      <FormActions>
        <Button onClick={onClose}>Close</Button>
      </FormActions>
    </div>
  );
}
