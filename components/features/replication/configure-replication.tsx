'use client';
import { useState } from 'react';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import type { Group, Topology } from '../../providers/wire';
import { Checkbox, Field, Select } from '../../ui/input';
import { PlannedAction } from '../operations/planned-action';

const modes = [
  { value: 'synchronous', label: 'Synchronous: every chosen standby has applied it' },
  { value: 'semi_synchronous', label: 'Semi-synchronous: any one chosen standby has flushed it' },
  { value: 'asynchronous', label: 'Asynchronous: the primary alone decides' },
] as const;

export function ConfigureReplication({ group, topology }: { readonly group: Group; readonly topology: Topology }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const standbys = topology.nodes.filter((node) => node.group === group.name && node.id !== group.primary);
  const [mode, setMode] = useState<Group['mode']>(group.mode);
  const [chosen, setChosen] = useState<readonly string[]>(
    group.voters.length > 0 ? group.voters : standbys.map((node) => node.id),
  );
  const [allowDataLoss, setAllowDataLoss] = useState(false);
  const weaker = mode === 'asynchronous' && group.mode !== 'asynchronous';
  const consent = weaker && allowDataLoss ? { allow_data_loss: true } : {};
  const input = { group: group.name, mode, standby_nodes: [...chosen], ...consent };
  const toggle = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].sort());
  return (
    <PlannedAction
      size="sm"
      door={`configure-${group.name}`}
      label="Configure"
      title={`Commit mode of ${group.name}`}
      description="What a COMMIT waits for before it answers. The voter set changes in an order that never loses an acknowledged write."
      confirmName={group.name}
      confirmLabel="Configure replication"
      disabledReason={role ?? (standbys.length === 0 ? `${group.name} has no standby.` : null)}
      planKey={JSON.stringify(input)}
      options={
        <div className="grid gap-3">
          <Field label="Mode">
            {(ids) => (
              <Select
                {...ids}
                value={mode}
                options={modes}
                onChange={(event) => setMode(event.target.value as Group['mode'])}
              />
            )}
          </Field>
          {weaker ? (
            <Checkbox
              label="A failover may lose acknowledged writes from then on (an admin decides)"
              checked={allowDataLoss}
              onChange={() => setAllowDataLoss(!allowDataLoss)}
            />
          ) : null}
          <fieldset className="grid gap-1">
            <legend className="mb-1 font-medium">Standbys whose acknowledgement counts</legend>
            {standbys.map((node) => (
              <Checkbox
                key={node.id}
                label={`${node.id} (${node.region}, ${node.status})`}
                checked={chosen.includes(node.id)}
                onChange={() => toggle(node.id)}
              />
            ))}
          </fieldset>
        </div>
      }
      call={(how) => calls.replication.configure({ ...input, ...how })}
    />
  );
}
