'use client';
/** What can be done with a node. What can't be done now is greyed out and says why. */
import { useState } from 'react';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import type { ClusterNode } from '../../providers/wire';
import { Checkbox } from '../../ui/input';
import { PlannedAction } from '../operations/planned-action';
import { actionReasons } from './action-reasons';

export function NodeActions({ node, size = 'md' }: { readonly node: ClusterNode; readonly size?: 'sm' | 'md' }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const reasons = actionReasons(node);
  const [immediate, setImmediate] = useState(false);
  const [reclone, setReclone] = useState(false);
  const { id } = node;
  const common = { confirmName: id, size } as const;
  const first = node.role === 'primary' ? ' It is a primary: its group switches over first.' : '';
  return (
    <>
      {node.wanted === 'stopped' ? (
        <PlannedAction
          {...common}
          door="start"
          label="Start"
          title={`Start ${id}`}
          description="Starts PostgreSQL on this node and lets it catch up as a standby."
          confirmLabel="Start the node"
          disabledReason={role ?? reasons.start}
          call={(how) => calls.cluster.startNode({ id, ...how })}
        />
      ) : (
        <PlannedAction
          {...common}
          danger
          door="stop"
          label="Stop"
          title={`Stop ${id}`}
          description={`Stops PostgreSQL on this node. It stays stopped over restarts until somebody starts it.${first}`}
          confirmLabel="Stop the node"
          disabledReason={role ?? reasons.stop}
          planKey={String(immediate)}
          options={
            <Checkbox
              label="Immediate"
              hint="Skips the shutdown checkpoint: faster to stop, slower to start."
              checked={immediate}
              onChange={(event) => setImmediate(event.target.checked)}
            />
          }
          call={(how) => calls.cluster.stopNode({ id, mode: immediate ? 'immediate' : 'fast', ...how })}
        />
      )}
      <PlannedAction
        {...common}
        danger
        door="restart"
        label="Restart"
        title={`Restart ${id}`}
        description={`Restarts PostgreSQL on this node; sessions on it end.${first}`}
        confirmLabel="Restart the node"
        disabledReason={role ?? reasons.restart}
        call={(how) => calls.cluster.restartNode({ id, ...how })}
      />
      <PlannedAction
        {...common}
        door="maintenance"
        label={node.maintenance ? 'End maintenance' : 'Maintenance'}
        title={node.maintenance ? `End the maintenance of ${id}` : `Put ${id} into maintenance`}
        description={
          node.maintenance
            ? 'The node takes reads again and may be promoted.'
            : `The node gets no new sessions and is not promoted; alarms about it are quiet.${first}`
        }
        confirmLabel={node.maintenance ? 'End maintenance' : 'Enter maintenance'}
        disabledReason={role ?? reasons.maintenance}
        call={(how) => calls.cluster.setMaintenance({ id, enabled: !node.maintenance, ...how })}
      />
      <PlannedAction
        {...common}
        danger={reclone}
        door="rejoin"
        label="Rejoin"
        title={`Rejoin ${id}`}
        description="Brings the node back as a standby: by its own timeline where that is possible, else by a new copy."
        confirmLabel="Rejoin the node"
        disabledReason={role ?? reasons.rejoin}
        planKey={String(reclone)}
        options={
          <Checkbox
            label="Copy again from the primary"
            hint="Deletes this node's data directory once a healthy primary is confirmed."
            checked={reclone}
            onChange={(event) => setReclone(event.target.checked)}
          />
        }
        call={(how) => calls.cluster.rejoinNode({ id, reclone, ...how })}
      />
      <PlannedAction
        {...common}
        danger
        door="remove"
        label="Remove"
        title={`Remove ${id} from the cluster`}
        description="Stops the node, forgets it and drops its slots. Its data directory stays on disk."
        confirmLabel="Remove the node"
        disabledReason={role ?? reasons.remove}
        call={(how) => calls.cluster.removeNode({ id, ...how })}
      />
    </>
  );
}
