'use client';
import Link from 'next/link';
import { useMemo, useRef } from 'react';
import { useLiveAge, useLiveOperations, useTopology } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import type { Problem, Topology } from '../../providers/wire';
import { Button } from '../../ui/button';
import { cn } from '../../ui/cn';
import { CopyAs } from '../../ui/copy-as';
import { PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton, Skeleton } from '../../ui/skeleton';
import { toneIcon, toneText } from '../../ui/status';
import { Time } from '../../ui/time';
import { changingGroups } from '../frame/alarm';
import { asKnown, verdictOf, verdictSentence } from '../frame/verdict';
import { CapacityPanel } from './capacity-panel';
import { EventStreamPanel } from './event-stream-panel';
import { GroupRows } from './group-rows';
import { type Lingering, linger } from './lingering';
import { RunningPanel } from './running-panel';

export function OverviewPage() {
  const role = useRoleReason('operator');
  const topology = useTopology();
  if (topology === undefined) return <OverviewSkeleton />;
  return (
    <>
      <PageHeader
        title={<Verdict topology={topology} />}
        sentence={verdictSentence(topology)}
        actions={
          <>
            <Button asChild>
              <Link href="/topology">Show the map</Link>
            </Button>
            <Button variant="primary" asChild disabledReason={role}>
              <Link href="/failover/new">Plan a switchover</Link>
            </Button>
          </>
        }
      />
      <Problems title="What is wrong, and what to do" problems={topology.problems.filter(isWrong)} className="mb-3" />
      <div className="grid gap-3">
        <Panel
          title="Groups"
          flush
          actions={
            <CopyAs
              call={{
                method: 'GET',
                path: '/cluster/topology',
              }}
            />
          }
        >
          <GroupRows topology={topology} />
        </Panel>
        <div className="grid items-start gap-3 xl:grid-cols-[3fr_2fr]">
          <div className="grid gap-3">
            <RunningPanel />
            {/* Comes and goes without being wrong: here it pushes nothing that is being read or clicked. */}
            <WorthKnowing topology={topology} />
          </div>
          <CapacityPanel topology={topology} />
        </div>
        <EventStreamPanel />
      </div>
    </>
  );
}

function Verdict({ topology }: { readonly topology: Topology }) {
  const verdict = asKnown(verdictOf(topology, changingGroups(useLiveOperations() ?? [])), useLiveAge().stale);
  const Icon = toneIcon[verdict.tone];
  return (
    <span className={cn('flex items-center gap-2', toneText[verdict.tone])}>
      <Icon className="size-5" aria-hidden />
      {verdict.word}
    </span>
  );
}

function WorthKnowing({ topology }: { readonly topology: Topology }) {
  const kept = useRef<readonly Lingering<Problem>[]>([]);
  const notes = useMemo(() => {
    kept.current = linger(
      kept.current,
      topology.problems.filter((problem) => !isWrong(problem)),
      Date.now(),
    );
    return kept.current.map((one) => one.problem);
  }, [topology]);
  return <Problems title="Worth knowing" problems={notes} />;
}

function isWrong(problem: Problem): boolean {
  return problem.severity !== 'info';
}

function Problems({
  title,
  problems,
  className,
}: {
  readonly title: string;
  readonly problems: readonly Problem[];
  readonly className?: string;
}) {
  if (problems.length === 0) return null;
  const order = { critical: 0, warning: 1, info: 2 } as const;
  const sorted = [...problems].sort((a, b) => order[a.severity] - order[b.severity]);
  return (
    <Panel title={title} note={`${problems.length}`} {...(className === undefined ? {} : { className })}>
      <ul className="grid gap-2">
        {sorted.map((problem) => {
          const tone = problem.severity === 'critical' ? 'bad' : problem.severity === 'warning' ? 'warn' : 'idle';
          const Icon = toneIcon[tone];
          return (
            <li
              key={`${problem.rule}-${problem.node ?? ''}-${problem.group ?? ''}`}
              className="grid grid-cols-[1.1rem_1fr] gap-x-2"
            >
              <Icon className={cn('mt-0.5 size-4', toneText[tone])} aria-label={problem.severity} />
              <div>
                <span className="font-medium">{problem.sentence}</span>{' '}
                <span className="text-muted">
                  since <Time at={problem.since} />
                  {problem.node ? (
                    <>
                      {' · '}
                      <Link className="text-accent hover:underline" href={`/nodes/${problem.node}`}>
                        {problem.node}
                      </Link>
                    </>
                  ) : null}
                </span>
                <p className="text-muted">{problem.remedy}</p>
              </div>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function OverviewSkeleton() {
  return (
    <div className="grid gap-3">
      <Skeleton className="h-7 w-56" />
      <Skeleton className="w-96 max-w-full" />
      <PanelSkeleton label="groups" lines={5} />
      <div className="grid gap-3 xl:grid-cols-[3fr_2fr]">
        <PanelSkeleton label="operations" lines={3} />
        <PanelSkeleton label="capacity" lines={3} />
      </div>
    </div>
  );
}
