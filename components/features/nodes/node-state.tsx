'use client';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ActionForm } from '../../feedback/action-form';
import { FormDialog } from '../../feedback/form-dialog';
import { QueryView } from '../../feedback/query-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { ClusterNode, Topology } from '../../providers/wire';
import { CopyButton } from '../../ui/code';
import { formatBytes, formatDuration, formatNumber, formatPercent, words } from '../../ui/format';
import { Field, Input } from '../../ui/input';
import { type Fact, Facts, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { stateWord } from '../../ui/state-words';
import { toneIcon, toneText } from '../../ui/status';
import { Time } from '../../ui/time';
import { Bar } from '../overview/capacity-panel';
import { share } from '../overview/share';
import { type HealthCheck, healthLine, isSilent, seenLive } from './health-line';
import { connectionsText, diskFree, heard, silentFor } from './heard';
import { lagBytesText, lagSample, lagTimeText } from './lag-sample';

export function NodeState({ node, topology }: { readonly node: ClusterNode; readonly topology: Topology }) {
  const group = topology.groups.find((one) => one.name === node.group);
  const lag = lagSample(node, topology);
  const database: readonly Fact[] = [
    { label: 'PostgreSQL', value: `${words(node.postgres_state)}${node.version ? `, version ${node.version}` : ''}` },
    { label: 'Up for', value: node.uptime_seconds === 0 ? '–' : formatDuration(node.uptime_seconds * 1000) },
    { label: 'Address', value: <Copyable text={`${node.address}:${node.port}`} /> },
    {
      label: 'LSN',
      value: node.lsn === null ? '–' : <Copyable text={node.lsn} />,
      hint: 'Log sequence number: up to where this node has WAL',
    },
    {
      label: 'Replayed',
      value: (
        <span className="num">
          {node.replay_lsn ?? '–'}
          {node.replay_paused ? ' (paused)' : ''}
        </span>
      ),
    },
    {
      label: 'Timeline',
      value: <span className="num">{node.timeline ?? '–'}</span>,
      hint: 'PostgreSQL begins a new one at each promotion',
    },
    ...(node.role === 'primary'
      ? [{ label: 'Lag', value: 'is the primary' }]
      : [
          {
            label: 'Lag',
            value: lagBytesText(lag),
            hint: 'The primary’s newest WAL less what is replayed here, both in one sample of the primary',
          },
          { label: 'Replay delay', value: lagTimeText(lag), hint: 'Measured by this node' },
        ]),
    { label: 'Transactions', value: heard(node, `${formatNumber(node.transactions_per_second, 1)} per second`) ?? '–' },
    {
      label: 'Commits waiting',
      value: formatNumber(heard(node, node.waiting_commits)),
      hint: 'Sessions whose COMMIT waits for the acknowledgement of a standby',
    },
    { label: 'Databases', value: formatBytes(node.database_bytes) },
  ];
  const cluster: readonly Fact[] = [
    {
      label: 'Group',
      value: `${node.group}${group ? ` (epoch ${group.epoch}, ${stateWord(group.mode)})` : ''}`,
      hint: 'The epoch counts the primaries of a group: each new one gets the next number',
    },
    { label: 'Region', value: node.region },
    {
      label: 'Lease',
      value:
        node.lease_remaining_ms === null || group?.lease_holder !== node.id
          ? 'not held'
          : `held, ${formatDuration(node.lease_remaining_ms)} left`,
      hint: 'Only its holder may take writes; when it runs out, the group fails over',
    },
    {
      label: 'Promised epoch',
      value: <span className="num">{node.promised_epoch ?? '–'}</span>,
      hint: 'It follows no primary of an older epoch any more; 0: it has promised nothing yet',
    },
    {
      label: 'Voter',
      value: group?.voters.includes(node.id)
        ? 'its acknowledgement counts'
        : node.role === 'primary'
          ? 'is the primary'
          : 'no',
    },
    { label: 'Control store', value: node.raft_role, hint: 'Its part in the majority that decides who is primary' },
    { label: 'Wanted', value: `${node.wanted}${node.maintenance ? ', in maintenance' : ''}` },
    { label: 'Priority', value: <Priority node={node} /> },
    {
      label: 'Last report',
      value: node.report_age_ms === null ? 'none to the present leader' : `${formatDuration(node.report_age_ms)} ago`,
    },
    {
      label: 'Agent stall',
      value: formatDuration(heard(node, node.loop_block_ms)),
      hint: 'Longest recent block of the agent’s main thread',
    },
    ...(node.agent_pid === undefined
      ? []
      : [
          { label: 'Agent pid', value: <span className="num">{node.agent_pid ?? '–'}</span> },
          { label: 'Postmaster pid', value: <span className="num">{node.postmaster_pid ?? '–'}</span> },
          { label: 'Data directory', value: node.data_directory ? <Copyable text={node.data_directory} /> : '–' },
        ]),
  ];
  const silent = silentFor(node);
  return (
    <div className="grid items-start gap-3 lg:grid-cols-3">
      {silent === null ? null : (
        <div className="lg:col-span-3">
          <PartialNote>
            {node.id} has been silent for {formatDuration(silent)}: its figures are from its last report.
          </PartialNote>
        </div>
      )}
      <Panel title="Database">
        <Facts facts={database} />
      </Panel>
      <Panel title="In the cluster">
        <Facts facts={cluster} />
      </Panel>
      <div className="grid gap-3">
        <Panel title="Room">
          {heard(node, true) ? <Room node={node} /> : <p className="text-muted">Unknown: {node.id} was not heard.</p>}
        </Panel>
        <HealthPanel id={node.id} silent={silentFor(node)} />
      </div>
    </div>
  );
}

function Room({ node }: { readonly node: ClusterNode }) {
  return (
    <div className="grid gap-2.5">
      <Gauge
        label="Disk"
        percent={share(node.disk_used_bytes, node.disk_total_bytes)}
        text={
          diskFree(node) === null
            ? 'not measured yet'
            : `${formatBytes(node.disk_used_bytes)} of ${formatBytes(node.disk_total_bytes)}`
        }
      />
      <Gauge
        label="Connections"
        percent={share(node.connections, node.max_connections)}
        text={connectionsText(node) ?? '–'}
      />
      <Gauge label="CPU" percent={node.cpu_usage} text={formatPercent(node.cpu_usage, 1)} />
      <Gauge
        label="Memory"
        percent={node.memory_usage}
        text={`${formatBytes(node.memory_bytes)}, ${formatPercent(node.memory_usage, 1)}`}
      />
    </div>
  );
}

function Gauge({ label, percent, text }: { readonly label: string; readonly percent: number; readonly text: string }) {
  return (
    <div className="grid grid-cols-[7rem_1fr] items-center gap-2">
      <span className="text-muted">{label}</span>
      <Bar percent={percent} text={text} />
    </div>
  );
}

function Copyable({ text }: { readonly text: string }) {
  return (
    <span className="inline-flex min-w-0 items-center">
      <span className="num break-all">{text}</span>
      <CopyButton text={text} />
    </span>
  );
}

function Priority({ node }: { readonly node: ClusterNode }) {
  const role = useRoleReason('operator');
  return (
    <span className="inline-flex items-center gap-1">
      <span className="num">{node.priority}</span>
      {node.priority === 0 ? <span className="text-muted">never promoted automatically</span> : null}
      <FormDialog
        door="priority"
        label="Change"
        procedure="cluster.updateNode"
        variant="ghost"
        disabledReason={role}
        title={`Priority of ${node.id}`}
        description="The fit standby with the highest priority is promoted first; 0: never automatically."
      >
        {(close) => <PriorityForm node={node} close={close} />}
      </FormDialog>
    </span>
  );
}

function PriorityForm({ node, close }: { readonly node: ClusterNode; readonly close: () => void }) {
  const calls = useCalls();
  const [typed, setTyped] = useState(String(node.priority));
  const priority = Number(typed);
  const valid = typed.trim() !== '' && Number.isInteger(priority) && priority >= 0 && priority <= 1000;
  return (
    <ActionForm
      what="change the priority"
      submitLabel="Save"
      incomplete={
        valid ? (priority === node.priority ? 'Nothing was changed.' : null) : 'A whole number from 0 to 1000.'
      }
      leave={{ label: 'Cancel', onLeave: close }}
      call={calls.cluster.updateNode({ id: node.id, priority })}
      onDone={close}
    >
      <Field label="Priority, 0 to 1000">
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={0}
            max={1000}
            autoFocus
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
    </ActionForm>
  );
}

function HealthPanel({ id, silent }: { readonly id: string; readonly silent: number | null }) {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getNodeHealth.queryOptions({ id }), refetchInterval: 5000 });
  return (
    <QueryView query={query} what="the health checks" skeleton={<PanelSkeleton label="health checks" />}>
      {(health) => (
        <Panel title="Health checks">
          {health.checks.length === 0 ? (
            <EmptyState title="No checks reported" />
          ) : (
            <ul className="grid gap-1">
              {seenLive(health.checks, silent).map((check) => (
                <HealthRow key={check.name} check={check} silent={isSilent(seenLive(health.checks, silent))} />
              ))}
            </ul>
          )}
          <p className="mt-2 text-muted">
            {health.last_check !== null ? (
              <>
                As of <Time at={health.last_check} />
              </>
            ) : (
              'The present leader has not heard this node.'
            )}
          </p>
        </Panel>
      )}
    </QueryView>
  );
}

function HealthRow({ check, silent }: { readonly check: HealthCheck; readonly silent: boolean }) {
  const { tone, word, name, measured, limit } = healthLine(check, silent);
  const Icon = toneIcon[tone];
  return (
    <li className="grid grid-cols-[1.1rem_1fr] gap-x-2">
      <Icon className={`mt-0.5 size-3.5 ${toneText[tone]}`} aria-label={word} />
      <span>
        <span className="font-medium">{name}</span> <span className="num">{measured}</span>
        {limit === null ? null : <span className="text-muted"> {limit}</span>}
      </span>
    </li>
  );
}
