'use client';
import { toast } from 'sonner';
import { DangerAction } from '../../feedback/danger-action';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useTopology } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import type { Group } from '../../providers/wire';
import { Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';

export function AutomaticFailover() {
  const topology = useTopology();
  if (topology === undefined) return <PanelSkeleton label="automatic failover" />;
  if (topology.groups.length === 0) return <EmptyState title="No groups yet" />;
  return (
    <div className="grid gap-3 md:grid-cols-2">
      {topology.groups.map((group) => (
        <GroupSwitch key={group.name} group={group} />
      ))}
    </div>
  );
}

function GroupSwitch({ group }: { readonly group: Group }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const on = group.automatic_failover;
  return (
    <Panel
      title={group.name}
      actions={
        <DangerAction
          size="sm"
          door={`automatic-failover-${group.name}`}
          tone={on ? 'danger' : 'default'}
          label={on ? 'Pause' : 'Resume'}
          title={`${on ? 'Pause' : 'Resume'} automatic failover of ${group.name}`}
          description={
            on
              ? 'If the primary fails, the group stays without writes until somebody acts. Restarting it in place still happens.'
              : 'A primary that fails is replaced by the best standby, by itself.'
          }
          confirmName={on ? group.name : null}
          confirmLabel={on ? 'Pause it' : 'Resume it'}
          disabledReason={role}
          call={calls.cluster.setAutomaticFailover({ group: group.name, enabled: !on })}
          onDone={() => toast.success(`Automatic failover of ${group.name} is ${on ? 'paused' : 'on'}`)}
        />
      }
    >
      <p className="flex items-center gap-2">
        <Status value={on ? 'active' : 'paused'} label={on ? 'on' : 'paused'} />
        {on
          ? 'A failed primary is replaced by itself.'
          : `Paused${group.automatic_failover_paused_by ? ` by ${group.automatic_failover_paused_by}` : ''}.`}
      </p>
      {group.promotable === 'none' ? (
        <p className="mt-1 text-warn">No standby may be promoted automatically now: the group is degraded.</p>
      ) : null}
    </Panel>
  );
}
