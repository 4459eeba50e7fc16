'use client';
import { useState } from 'react';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import type { Topology } from '../../providers/wire';
import { Field, Input, Select } from '../../ui/input';
import { PlannedAction } from '../operations/planned-action';

/** The next free `node-<n>`. */
function nextName(ids: readonly string[]): string {
  const numbers = ids.map((id) => Number(/^node-(\d+)$/.exec(id)?.[1] ?? 0));
  return `node-${Math.max(0, ...numbers) + 1}`;
}

export function AddNode({ topology }: { readonly topology: Topology }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const [id, setId] = useState(() => nextName(topology.nodes.map((node) => node.id)));
  const [group, setGroup] = useState(topology.groups[0]?.name ?? '');
  const regions = [...new Set(topology.nodes.map((node) => node.region))].sort();
  const [region, setRegion] = useState(regions[0] ?? '');
  const input = { node_id: id, group, region };
  const valid = /^[a-z0-9][a-z0-9-]{0,62}$/.test(id);
  return (
    <PlannedAction
      door="add-node"
      label="Add a node"
      title="Add a standby"
      description="Starts a new agent, copies the group's primary over the replication protocol and streams from then on. Nothing pauses."
      confirmName={id}
      confirmLabel="Add the node"
      disabledReason={role ?? (topology.groups.length === 0 ? 'There is no group yet.' : null)}
      planKey={`${id}/${group}/${region}`}
      options={
        <div className="grid gap-3 sm:grid-cols-3">
          <Field label="Node id" error={valid ? null : 'Lower-case letters, digits and dashes'}>
            {(ids) => <Input {...ids} value={id} onChange={(event) => setId(event.target.value)} />}
          </Field>
          <Field label="Group">
            {(ids) => (
              <Select
                {...ids}
                value={group}
                options={topology.groups.map((one) => ({ value: one.name, label: one.name }))}
                onChange={(event) => setGroup(event.target.value)}
              />
            )}
          </Field>
          <Field label="Region">
            {(ids) => (
              <Select
                {...ids}
                value={region}
                options={regions.map((one) => ({ value: one, label: one }))}
                onChange={(event) => setRegion(event.target.value)}
              />
            )}
          </Field>
        </div>
      }
      call={(how) => calls.cluster.addNode({ ...input, ...how })}
    />
  );
}
