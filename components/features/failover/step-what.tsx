'use client';
import { Crown } from 'lucide-react';
import { useRoleReason } from '../../providers/session';
import type { ClusterNode } from '../../providers/wire';
import { cn } from '../../ui/cn';
import { formatBytes, zoneName } from '../../ui/format';
import { Checkbox, Field, Input, Select } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { stateWord } from '../../ui/state-words';
import { Status } from '../../ui/status';
import { actionReasons } from '../nodes/action-reasons';
import type { WizardProps } from './failover-wizard';

export function StepWhat({ state, topology, go }: WizardProps) {
  const adminReason = useRoleReason('admin');
  const standbys = topology.nodes.filter((node) => node.group === state.group && node.role === 'standby');
  const keep = (change: Partial<typeof state>) => go({ ...change, step: 'what' });
  return (
    <div className="grid items-start gap-3 lg:grid-cols-2">
      <Panel title="Group">
        <div role="radiogroup" aria-label="Group" className="grid gap-1">
          {topology.groups.map((group) => (
            <Choice
              key={group.name}
              name="group"
              checked={state.group === group.name}
              onChange={() => keep({ group: group.name, target: '' })}
              title={group.name}
              note={
                <span className="flex items-center gap-1">
                  <Crown className="size-3.5" aria-hidden />
                  {group.primary ?? 'no primary'} · {stateWord(group.mode)} · {group.sentence}
                </span>
              }
            />
          ))}
        </div>
      </Panel>
      <Panel title="New primary">
        <div role="radiogroup" aria-label="New primary" className="grid gap-1">
          <Choice
            name="target"
            checked={state.target === ''}
            onChange={() => keep({ target: '' })}
            title="Automatic"
            note="The most advanced fit standby, then by priority, region and load."
          />
          {standbys.map((node) => (
            <Choice
              key={node.id}
              name="target"
              checked={state.target === node.id}
              onChange={() => keep({ target: node.id })}
              title={node.id}
              note={<StandbyNote node={node} />}
            />
          ))}
          {standbys.length === 0 ? (
            <p className="text-muted">{state.group} has no standby: there is nobody to promote. Add a node first.</p>
          ) : null}
        </div>
      </Panel>
      <Panel title="How">
        <div className="grid gap-3">
          <Field label="Mode" hint="A switchover stops the old primary cleanly; a failover is for one that is gone.">
            {(ids) => (
              <Select
                {...ids}
                value={state.mode}
                options={[
                  { value: '', label: 'Automatic: switchover while the primary lives' },
                  { value: 'switchover', label: 'Switchover' },
                  { value: 'failover', label: 'Failover' },
                ]}
                onChange={(event) => keep({ mode: event.target.value as typeof state.mode })}
              />
            )}
          </Field>
          <Field label="Drain (ms)" hint="Open sessions get this long to end by themselves. Empty: as configured.">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={0}
                max={600_000}
                defaultValue={state.drainMs}
                onBlur={(event) => keep({ drainMs: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="When"
            hint={`Your local time (${zoneName(new Date())}); the plan is made again before it runs. Empty: now.`}
          >
            {(ids) => (
              <Input
                {...ids}
                type="datetime-local"
                defaultValue={state.at}
                onBlur={(event) => keep({ at: event.target.value })}
              />
            )}
          </Field>
        </div>
      </Panel>
      <Panel title="Overrides" note="admin only, kept in the audit log">
        <div className="grid gap-2">
          <Checkbox
            label="Force"
            hint={adminReason ?? 'Skips the checks that can be skipped. The checks page says which.'}
            disabled={adminReason !== null}
            checked={state.force}
            onChange={(event) => keep({ force: event.target.checked })}
          />
          <Checkbox
            label="Allow data loss"
            hint={adminReason ?? 'Promotes even when acknowledged writes may be missing. The bytes are logged.'}
            disabled={adminReason !== null}
            checked={state.allowDataLoss}
            onChange={(event) => keep({ allowDataLoss: event.target.checked })}
          />
          <Checkbox
            label="Allow slot loss"
            hint={
              adminReason ??
              'Switches over although the new primary has no ready copy of a failover slot. Its consumer starts over.'
            }
            disabled={adminReason !== null}
            checked={state.allowSlotLoss}
            onChange={(event) => keep({ allowSlotLoss: event.target.checked })}
          />
        </div>
      </Panel>
    </div>
  );
}

function StandbyNote({ node }: { readonly node: ClusterNode }) {
  const reason = actionReasons(node).promote;
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      <Status value={node.status} title={node.status_reason} />
      <span>
        {node.region} ·{' '}
        {node.lag_bytes === null
          ? 'lag unknown'
          : node.lag_bytes === 0
            ? 'no lag'
            : `${formatBytes(node.lag_bytes)} behind`}
      </span>
      {reason ? <span className="text-warn">{reason}</span> : null}
    </span>
  );
}

function Choice({
  name,
  checked,
  onChange,
  title,
  note,
}: {
  readonly name: string;
  readonly checked: boolean;
  readonly onChange: () => void;
  readonly title: string;
  readonly note: React.ReactNode;
}) {
  return (
    <label
      className={cn(
        'flex cursor-pointer items-start gap-2 rounded-md border px-2.5 py-1.5',
        checked ? 'border-accent bg-accent-soft' : 'border-line hover:bg-raised',
      )}
    >
      <input
        type="radio"
        name={name}
        checked={checked}
        onChange={onChange}
        className="mt-1 accent-accent"
        aria-label={title}
      />
      <span className="min-w-0">
        <span className="font-medium">{title}</span>
        <span className="block text-muted">{note}</span>
      </span>
    </label>
  );
}
