'use client';
import Link from 'next/link';
import { useEffect, useEffectEvent } from 'react';
import { QueryView } from '../../feedback/query-view';
import type { Operation } from '../../providers/wire';
import { Button } from '../../ui/button';
import { useFastNow } from '../../ui/clock';
import { formatBytes, formatDuration } from '../../ui/format';
import { Figure, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { CancelOperation, OperationView, useOperation } from '../operations/operation-view';
import { StepList } from '../operations/step-list';
import { isRunning } from '../operations/ticket-text';
import type { WizardProps } from './failover-wizard';
import { useFailoverRecord } from './use-failover-record';

export function StepRun({ state, go }: WizardProps) {
  const query = useOperation(state.operation);
  const over = query.data !== undefined && !isRunning(query.data);
  const goOn = useEffectEvent(() => go({ step: 'result' }));
  useEffect(() => {
    if (over) goOn();
  }, [over]);
  return (
    <QueryView query={query} what="the operation" skeleton={<PanelSkeleton label="the operation" lines={8} />}>
      {(operation) => (
        <div className="grid gap-3">
          <Panel>
            <div className="flex flex-wrap items-center gap-4">
              <Status value={operation.state} />
              {operation.state === 'pending' && operation.scheduled_at ? (
                <span>
                  Runs <Time at={operation.scheduled_at} />; it is planned again then.
                </span>
              ) : (
                <Elapsed operation={operation} />
              )}
              <span className="ml-auto">
                <CancelOperation operation={operation} />
              </span>
            </div>
          </Panel>
          <Panel title="Steps" note="live; closing this page changes nothing">
            <StepList steps={operation.steps} />
          </Panel>
        </div>
      )}
    </QueryView>
  );
}

function Elapsed({ operation }: { readonly operation: Operation }) {
  const now = useFastNow();
  return (
    <span className="num">
      {formatDuration(Math.max(0, now - Date.parse(operation.steps[0]?.started_at ?? operation.created_at)))}
    </span>
  );
}

export function StepResult({ state, topology }: WizardProps) {
  const query = useOperation(state.operation);
  const record = useFailoverRecord(state.operation);
  const group = topology.groups.find((one) => one.name === state.group);
  return (
    <QueryView query={query} what="the operation" skeleton={<PanelSkeleton label="the result" lines={8} />}>
      {(operation) => (
        <div className="grid gap-3" data-testid="failover-result">
          <Panel>
            <div className="grid grid-cols-2 gap-4 md:grid-cols-5">
              <Figure label="Result" value={<Status value={operation.state} />} />
              <Figure
                label="Primary now"
                value={group?.primary ?? 'none'}
                note={group ? `epoch ${group.epoch}` : null}
              />
              <Figure
                label="Write pause"
                value={formatDuration(record.data?.write_pause_ms)}
                note={record.data?.write_pause_unknown ?? 'measured'}
              />
              <Figure label="Expected pause was" value={formatDuration(operation.expected_pause_ms)} />
              <Figure label="WAL at risk" value={formatBytes(operation.bytes_at_risk)} />
            </div>
          </Panel>
          <OperationView operation={operation} />
          <div className="flex justify-end gap-2">
            <Button asChild>
              <Link href="/failover">History</Link>
            </Button>
            <Button variant="primary" asChild>
              <Link href="/topology">Show the map</Link>
            </Button>
          </div>
        </div>
      )}
    </QueryView>
  );
}
