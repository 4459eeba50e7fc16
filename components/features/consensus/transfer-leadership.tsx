'use client';
import { useState } from 'react';
import { toast } from 'sonner';
import { DangerAction } from '../../feedback/danger-action';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import type { RaftStatus } from '../../providers/wire';
import { counted } from '../../ui/counted';
import { Field, Select } from '../../ui/input';

export function TransferLeadership({ status }: { readonly status: RaftStatus }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const others = status.voters.map((one) => one.id).filter((id) => id !== status.leader);
  const [wanted, setWanted] = useState('');
  const target = others.includes(wanted) ? wanted : (others[0] ?? '');
  const reason =
    role ?? (!status.has_quorum ? 'There is no majority.' : others.length === 0 ? 'There is no other voter.' : null);
  return (
    <DangerAction
      tone="default"
      door="transfer-leadership"
      label="Transfer leadership"
      title="Transfer the leadership of the control store"
      description="The leader stops taking entries, brings the target up to date and hands over, typically within a heartbeat. No database session notices."
      confirmName={null}
      confirmLabel="Transfer"
      disabledReason={reason}
      call={calls.cluster.transferLeadership({ target_node: target })}
      onDone={(done) => toast.success(done.message)}
    >
      <Field label="To">
        {(ids) => (
          <Select
            {...ids}
            value={target}
            options={others.map((id) => ({ value: id, label: peerLabel(status, id) }))}
            onChange={(event) => setWanted(event.target.value)}
          />
        )}
      </Field>
    </DangerAction>
  );
}

function peerLabel(status: RaftStatus, id: string): string {
  const peer = status.peers.find((one) => one.id === id);
  return peer?.lag_entries ? `${id} (${counted(peer.lag_entries, 'entry', 'entries')} behind)` : id;
}
