'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { ActionButton } from '../../feedback/action-button';
import { ActionForm } from '../../feedback/action-form';
import { ListView } from '../../feedback/list-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useTopology } from '../../providers/live';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Fault } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { formatDuration, formatPercent } from '../../ui/format';
import { Field, Input, Select } from '../../ui/input';
import { PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton, TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { Time } from '../../ui/time';
import { ForRole } from '../frame/for-role';
import { useRehearsalEnabled } from '../frame/platform-info';
import {
  channelOptions,
  directionOptions,
  type FaultDraft,
  faultRequest,
  faultSentence,
  faultsOfNode,
  firstDraft,
  kindOptions,
  optionLabel,
} from './fault-draft';

export function RehearsalPage() {
  return (
    <ForRole needs="admin" what="the rehearsal" title="Rehearsal">
      <Rehearsal />
    </ForRole>
  );
}

function Rehearsal() {
  const enabled = useRehearsalEnabled();
  const topology = useTopology();
  if (!enabled) {
    return (
      <>
        <PageHeader title="Rehearsal" sentence="Fault injection is off." />
        <EmptyState title="Off by default">
          Here an admin can cut or slow links between nodes to see the cluster react. Start the cluster with rehearsal
          enabled to use it, and never on a cluster that matters.
        </EmptyState>
      </>
    );
  }
  if (topology === undefined) return <PanelSkeleton label="rehearsal" />;
  return (
    <>
      <PageHeader
        title="Rehearsal"
        sentence="Disturb the interconnect or the WAL stream on purpose. Every fault ends by itself."
        actions={<CopyAs call={{ method: 'GET', path: '/cluster/faults' }} />}
      />
      <PartialNote>These faults are real: clients may see pauses, and nodes may be failed over.</PartialNote>
      <div className="grid items-start gap-3 lg:grid-cols-[1fr_2fr]">
        <NewFault nodes={topology.nodes.map((node) => node.id)} />
        <Faults />
      </div>
    </>
  );
}

/** Of one node, or of all. */
function useFaults(node?: string) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage, ...(node === undefined ? {} : { node }) };
  return usePages({
    queryKey: trpc.cluster.listFaults.queryKey(input),
    fetchPage: (cursor) => client.cluster.listFaults.query({ ...input, cursor }),
    refetchInterval: 1000,
  });
}

function NewFault({ nodes }: { readonly nodes: readonly string[] }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState<FaultDraft>(() => firstDraft(nodes));
  const faults = useFaults(draft.node);
  const put = (change: Partial<FaultDraft>) => setDraft({ ...draft, ...change });
  const kept = faultsOfNode(rowsOf(faults.data), draft.node, Date.now());
  const choices = nodes.map((id) => ({ value: id, label: id }));
  return (
    <Panel title="New fault">
      <ActionForm
        tone="danger"
        what="inject the fault"
        submitLabel="Inject the fault"
        confirmName={draft.node}
        call={calls.cluster.setFaults({ node: draft.node, faults: [...kept, faultRequest(draft)] })}
        onDone={() => queryClient.invalidateQueries({ queryKey: trpc.cluster.listFaults.pathKey() })}
      >
        <Field label="Node">
          {(ids) => (
            <Select
              {...ids}
              value={draft.node}
              options={choices}
              onChange={(event) => put({ node: event.target.value })}
            />
          )}
        </Field>
        <Field label="Towards">
          {(ids) => (
            <Select
              {...ids}
              value={draft.peer}
              options={[
                { value: '', label: 'all other nodes' },
                ...choices.filter((choice) => choice.value !== draft.node),
              ]}
              onChange={(event) => put({ peer: event.target.value })}
            />
          )}
        </Field>
        <div className="grid gap-3 xl:grid-cols-2">
          <Field label="Fault">
            {(ids) => (
              <Select
                {...ids}
                value={draft.kind}
                options={kindOptions}
                onChange={(event) => put({ kind: event.target.value as FaultDraft['kind'] })}
              />
            )}
          </Field>
          <Field label="Direction">
            {(ids) => (
              <Select
                {...ids}
                value={draft.direction}
                options={directionOptions(draft.node)}
                onChange={(event) => put({ direction: event.target.value as FaultDraft['direction'] })}
              />
            )}
          </Field>
          <Field label="Channel">
            {(ids) => (
              <Select
                {...ids}
                value={draft.channel}
                options={channelOptions}
                onChange={(event) => put({ channel: event.target.value as FaultDraft['channel'] })}
              />
            )}
          </Field>
          <Field label="Ends after (s)">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={600}
                value={draft.seconds}
                onChange={(event) => put({ seconds: event.target.value })}
              />
            )}
          </Field>
          {draft.kind === 'delay' ? (
            <Field label="Delay (ms)">
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={0}
                  max={60_000}
                  value={draft.delayMs}
                  onChange={(event) => put({ delayMs: event.target.value })}
                />
              )}
            </Field>
          ) : null}
          {draft.kind === 'drop' ? (
            <Field label="Lost (%)">
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  min={1}
                  max={100}
                  value={draft.percent}
                  onChange={(event) => put({ percent: event.target.value })}
                />
              )}
            </Field>
          ) : null}
        </div>
        <p className="text-muted">{faultSentence(draft)}</p>
      </ActionForm>
    </Panel>
  );
}

function Faults() {
  const calls = useCalls();
  const query = useFaults();
  const columns: readonly Column<Fault & { readonly key: string }>[] = [
    { id: 'node', header: 'Node', value: (row) => row.node },
    { id: 'peer', header: 'Towards', value: (row) => row.peer ?? 'all' },
    {
      id: 'kind',
      header: 'Fault',
      value: (row) => row.kind,
      cell: (row) => (
        <Badge tone="warn" title={row.kind}>
          {optionLabel(kindOptions, row.kind)}
        </Badge>
      ),
    },
    {
      id: 'how',
      header: 'How much',
      value: (row) =>
        row.kind === 'delay'
          ? formatDuration(row.delay_ms)
          : row.kind === 'drop'
            ? formatPercent((row.probability ?? 0) * 100)
            : 'everything',
    },
    { id: 'direction', header: 'Direction', value: (row) => optionLabel(directionOptions(row.node), row.direction) },
    { id: 'channel', header: 'Channel', value: (row) => optionLabel(channelOptions, row.channel) },
    { id: 'until', header: 'Ends', value: (row) => row.until, cell: (row) => <Time at={row.until} /> },
    {
      id: 'actions',
      header: 'Heal',
      value: () => '',
      cell: (row) => (
        <ActionButton
          what={`heal ${row.node}`}
          call={calls.cluster.setFaults({ node: row.node, faults: [] })}
          onDone={() => {
            toast.success(`${row.node} is healed`);
            return query.refetch();
          }}
        >
          Heal {row.node}
        </ActionButton>
      ),
    },
  ];
  return (
    <Panel title="Faults now" note="measured every second" flush>
      <ListView query={query} what="the faults" needs="admin" skeleton={<TableSkeleton label="faults" />}>
        {(rows) => (
          <DataTable
            id="faults"
            label="Faults"
            search={false}
            columns={columns}
            rows={rows.map((row, index) => ({ ...row, key: `${row.node}-${index}` }))}
            rowId={(row) => row.key}
            empty={<EmptyState title="No fault is injected">Everything passes.</EmptyState>}
          />
        )}
      </ListView>
    </Panel>
  );
}
