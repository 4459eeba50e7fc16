'use client';
/** What can be done with a node. What can't be done now is greyed out and says why. */
import { useState } from 'react';
import { useRoleReason } from '../../providers/session';
import { useTRPCClient } from '../../providers/trpc';
import type { ClusterNode } from '../../providers/wire';
import { Checkbox } from '../../ui/input';
import { PlannedAction } from '../operations/planned-action';
import { actionReasons } from './action-reasons';

export function NodeActions({ node, size = 'md' }: { readonly node: ClusterNode; readonly size?: 'sm' | 'md' }) {
  const client = useTRPCClient();
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
          label="Start"
          title={`Start ${id}`}
          description="Starts PostgreSQL on this node and lets it catch up as a standby."
          confirmLabel="Start the node"
          disabledReason={role ?? reasons.start}
          plan={() => client.cluster.startNode.mutate({ id, dry_run: true })}
          run={({ planHash, reason }) => client.cluster.startNode.mutate({ id, plan_hash: planHash, reason })}
        />
      ) : (
        <PlannedAction
          {...common}
          danger
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
          plan={() => client.cluster.stopNode.mutate({ id, mode: immediate ? 'immediate' : 'fast', dry_run: true })}
          run={({ planHash, reason }) =>
            client.cluster.stopNode.mutate({ id, mode: immediate ? 'immediate' : 'fast', plan_hash: planHash, reason })
          }
        />
      )}
      <PlannedAction
        {...common}
        danger
        label="Restart"
        title={`Restart ${id}`}
        description={`Restarts PostgreSQL on this node; sessions on it end.${first}`}
        confirmLabel="Restart the node"
        disabledReason={role ?? reasons.restart}
        plan={() => client.cluster.restartNode.mutate({ id, dry_run: true })}
        run={({ planHash, reason }) => client.cluster.restartNode.mutate({ id, plan_hash: planHash, reason })}
      />
      <PlannedAction
        {...common}
        label={node.maintenance ? 'End maintenance' : 'Maintenance'}
        title={node.maintenance ? `End the maintenance of ${id}` : `Put ${id} into maintenance`}
        description={
          node.maintenance
            ? 'The node takes reads again and may be promoted.'
            : `The node gets no new sessions and is not promoted; alarms about it are quiet.${first}`
        }
        confirmLabel={node.maintenance ? 'End maintenance' : 'Enter maintenance'}
        disabledReason={role ?? reasons.maintenance}
        plan={() => client.cluster.setMaintenance.mutate({ id, enabled: !node.maintenance, dry_run: true })}
        run={({ planHash, reason }) =>
          client.cluster.setMaintenance.mutate({ id, enabled: !node.maintenance, plan_hash: planHash, reason })
        }
      />
      <PlannedAction
        {...common}
        danger={reclone}
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
        plan={() => client.cluster.rejoinNode.mutate({ id, reclone, dry_run: true })}
        run={({ planHash, reason }) => client.cluster.rejoinNode.mutate({ id, reclone, plan_hash: planHash, reason })}
      />
      <PlannedAction
        {...common}
        danger
        label="Remove"
        title={`Remove ${id} from the cluster`}
        description="Stops the node, forgets it and drops its slots. Its data directory stays on disk."
        confirmLabel="Remove the node"
        disabledReason={role ?? reasons.remove}
        plan={() => client.cluster.removeNode.mutate({ id, dry_run: true })}
        run={({ planHash, reason }) => client.cluster.removeNode.mutate({ id, plan_hash: planHash, reason })}
      />
    </>
  );
}
