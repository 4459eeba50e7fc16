'use client';
/** What → Checks → Plan → Confirm → Run → Result. The plan that runs is the plan that was shown, held together by its hash. */
import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import { useRouter, useSearchParams } from 'next/navigation';
import { useEffect, useState } from 'react';
import { QueryView } from '../../feedback/query-view';
import { useTopology } from '../../providers/live';
import { useTRPC } from '../../providers/trpc';
import type { Topology } from '../../providers/wire';
import { Button } from '../../ui/button';
import { cn } from '../../ui/cn';
import { CopyAs } from '../../ui/copy-as';
import { PageHeader } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { ForRole } from '../frame/for-role';
import { StepChecks } from './step-checks';
import { StepConfirm } from './step-confirm';
import { StepPlan } from './step-plan';
import { StepResult, StepRun } from './step-run';
import { StepWhat } from './step-what';
import { useFailoverRecord } from './use-failover-record';
import {
  changeSentence,
  failoverInput,
  nextStep,
  previousStep,
  readWizard,
  stepTitles,
  stopReason,
  type WizardState,
  wizardHref,
  wizardSteps,
} from './wizard-state';

export function FailoverWizard() {
  const topology = useTopology();
  return (
    <ForRole needs="operator" what="the failover wizard" title="Failover">
      {topology === undefined ? <PanelSkeleton label="the wizard" lines={8} /> : <Wizard topology={topology} />}
    </ForRole>
  );
}

export type WizardProps = {
  readonly state: WizardState;
  readonly topology: Topology;
  readonly go: (change: Partial<WizardState>) => void;
};

function Wizard({ topology }: { readonly topology: Topology }) {
  const router = useRouter();
  const params = useSearchParams();
  const arrived = readWizard(params, topology.groups[0]?.name ?? '');
  // What was just chosen shows at once; the router takes the new address in its own time.
  const [underway, setUnderway] = useState<WizardState | null>(null);
  const state = underway ?? arrived;
  const here = wizardHref(arrived);
  useEffect(() => {
    if (underway !== null && wizardHref(underway) === here) setUnderway(null);
  }, [underway, here]);
  const go = (change: Partial<WizardState>) => {
    const next = { ...state, ...change };
    setUnderway(next);
    // A choice within a step is not a place to go back to; a step is.
    if (next.step === state.step) router.replace(wizardHref(next));
    else router.push(wizardHref(next));
  };
  const preflight = usePreflight(state);
  const props: WizardProps = { state, topology, go };
  const stop = stopReason(state, preflight.data);
  const planning = state.step === 'checks' || state.step === 'plan' || state.step === 'confirm';
  return (
    <>
      <PageHeader
        title={state.group === '' ? 'Failover' : `Failover of ${state.group}`}
        sentence={<WizardSentence state={state} topology={topology} />}
        actions={
          <CopyAs
            call={{ method: 'POST', path: '/cluster/failover', body: { ...failoverInput(state), dry_run: true } }}
          />
        }
      />
      <Stepper state={state} go={go} />
      <div className="mt-3">
        {state.step === 'what' ? <StepWhat {...props} /> : null}
        {planning ? (
          <QueryView
            query={preflight}
            what="the checks"
            needs="operator"
            skeleton={<PanelSkeleton label="the checks" lines={8} />}
          >
            {(data) => (
              <>
                {state.step === 'checks' ? <StepChecks preflight={data} /> : null}
                {state.step === 'plan' ? <StepPlan preflight={data} topology={topology} /> : null}
                {state.step === 'confirm' ? (
                  <StepConfirm {...props} preflight={data} stop={stop} onChanged={() => void preflight.refetch()} />
                ) : null}
              </>
            )}
          </QueryView>
        ) : null}
        {state.step === 'run' ? <StepRun {...props} /> : null}
        {state.step === 'result' ? <StepResult {...props} /> : null}
      </div>
      {state.step === 'what' || state.step === 'checks' || state.step === 'plan' ? (
        <div className="mt-4 flex flex-wrap items-center justify-end gap-2">
          {stop === null || (preflight.data === undefined && state.step !== 'what') ? null : (
            <p className="text-warn">{stop}</p>
          )}
          {state.step === 'what' ? null : <Button onClick={() => go({ step: previousStep(state.step) })}>Back</Button>}
          <Button
            variant="primary"
            disabledReason={stop}
            onClick={() =>
              go({ step: nextStep(state.step), plan: state.step === 'plan' ? (preflight.data?.plan_hash ?? '') : '' })
            }
          >
            {state.step === 'what' ? 'Check it' : state.step === 'checks' ? 'Show the plan' : 'Go on to confirm'}
          </Button>
        </div>
      ) : null}
    </>
  );
}

function usePreflight(state: WizardState) {
  const trpc = useTRPC();
  const planning = state.step === 'checks' || state.step === 'plan' || state.step === 'confirm';
  return useQuery({
    ...trpc.cluster.preflightFailover.queryOptions(failoverInput(state)),
    enabled: planning && state.group !== '',
    // The checks are measured again while they are looked at; the hash tells whether the plan still means the same.
    refetchInterval: planning ? 3000 : false,
    retry: false,
  });
}

function WizardSentence({ state, topology }: { readonly state: WizardState; readonly topology: Topology }) {
  const record = useFailoverRecord(state.operation);
  // Once it runs, the group's primary is no longer the one that it was planned from.
  return state.operation === '' ? plannedSentence(state, topology) : record.data ? changeSentence(record.data) : '';
}

function plannedSentence(state: WizardState, topology: Topology): string {
  const group = topology.groups.find((one) => one.name === state.group);
  if (group === undefined) return 'Choose what to fail over.';
  const target = state.target === '' ? 'the best candidate' : state.target;
  return group.primary === null ? `${group.name} has no primary.` : `From ${group.primary} to ${target}.`;
}

function Stepper({ state, go }: { readonly state: WizardState; readonly go: (change: Partial<WizardState>) => void }) {
  const current = wizardSteps.indexOf(state.step);
  const started = state.operation !== '';
  return (
    <ol aria-label="Steps of the wizard" className="flex flex-wrap gap-1 border-line border-b pb-2">
      {wizardSteps.map((step, index) => {
        const reachable = index !== current && (started ? index >= 4 : index < current);
        const label = (
          <>
            {index < current ? (
              <Check className="size-3.5" aria-label="done" />
            ) : (
              <span className="num">{index + 1}</span>
            )}
            {stepTitles[step]}
          </>
        );
        return (
          <li key={step} aria-current={step === state.step ? 'step' : undefined}>
            {reachable ? (
              <button
                type="button"
                className="flex items-center gap-1.5 rounded-md px-2.5 py-1 text-muted hover:bg-raised hover:text-fg"
                onClick={() => go({ step })}
              >
                {label}
              </button>
            ) : (
              <span
                className={cn(
                  'flex items-center gap-1.5 rounded-md px-2.5 py-1',
                  step === state.step ? 'bg-accent-soft font-medium text-accent' : 'text-muted',
                )}
              >
                {label}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
