'use client';
/** One slot beside the table: what it is, what becomes of it, and its end. It stays open when the slot is gone, so that the end of the operation is seen. */
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import type { Slot } from '../../providers/wire';
import { formatBytes } from '../../ui/format';
import { Facts } from '../../ui/panel';
import { Time } from '../../ui/time';
import { PlannedAction } from '../operations/planned-action';
import { dropReason, slotState } from './slot-state';

export function SlotDetails({ slot, gone }: { readonly slot: Slot; readonly gone: boolean }) {
  const { label, why } = slotState(slot);
  return (
    <div className="grid gap-3">
      {why ? <p className="text-warn">{why}</p> : null}
      <Facts
        facts={[
          { label: 'State', value: gone ? 'gone' : label },
          { label: 'Kind', value: slot.slot_type },
          ...(slot.plugin === null ? [] : [{ label: 'Plugin', value: `${slot.plugin} on ${slot.database}` }]),
          { label: 'Used by', value: slot.active_pid === null ? 'nobody' : `process ${slot.active_pid}` },
          ...(slot.inactive_since === null ? [] : [{ label: 'Idle since', value: <Time at={slot.inactive_since} /> }]),
          { label: 'Keeps', value: formatBytes(slot.retained_bytes) },
          {
            label: 'Left before it is lost',
            value: slot.safe_wal_size === null ? 'no limit' : formatBytes(Math.max(0, slot.safe_wal_size)),
          },
          { label: 'Restart LSN', value: <span className="num">{slot.restart_lsn ?? '–'}</span> },
          { label: 'Confirmed LSN', value: <span className="num">{slot.confirmed_flush_lsn ?? '–'}</span> },
          { label: 'Copies', value: slot.copies?.join(', ') || 'none' },
        ]}
      />
      <p>
        <strong className="font-medium">At a change of primary.</strong> {slot.at_switchover_sentence}
      </p>
      <div>
        <DropSlot slot={slot} gone={gone} />
      </div>
    </div>
  );
}

function DropSlot({ slot, gone }: { readonly slot: Slot; readonly gone: boolean }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const { slot_name: name, node_id: node, group } = slot;
  return (
    <PlannedAction
      size="sm"
      danger
      label="Drop the slot"
      title={`Drop slot ${name} of ${node}`}
      description="Whoever reads from it can’t go on from where it was; the WAL that only it keeps is freed."
      confirmName={name}
      confirmLabel="Drop the slot"
      disabledReason={role ?? (gone ? 'It is gone.' : dropReason(slot))}
      call={(how) => calls.replication.deleteSlot({ name, group, node, ...how })}
    />
  );
}
