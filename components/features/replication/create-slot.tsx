'use client';
/** A new slot: what it is, then the server's own plan with what it costs and what a change of primary makes of it. */
import { type KeyboardEvent, useState } from 'react';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { Checkbox, Field, Input, Select } from '../../ui/input';
import { PlannedAction } from '../operations/planned-action';

const kinds = [
  { value: 'logical', label: 'Logical: decoded changes of one database' },
  { value: 'physical', label: 'Physical: all WAL, as a backup or an archive takes it' },
] as const;

export function CreateSlot({
  groups,
  disabledReason,
}: {
  readonly groups: readonly string[];
  readonly disabledReason?: string | null;
}) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const [group, setGroup] = useState(groups[0] ?? '');
  const [kind, setKind] = useState<'logical' | 'physical'>('logical');
  const [name, setName] = useState('new_slot');
  const [plugin, setPlugin] = useState('pgoutput');
  const [database, setDatabase] = useState('app');
  const [failover, setFailover] = useState(true);
  const chosen = groups.includes(group) ? group : (groups[0] ?? '');
  const input = {
    group: chosen,
    slot_name: name,
    slot_type: kind,
    ...(kind === 'logical' ? { plugin, database, failover } : {}),
  };
  return (
    <PlannedAction
      size="sm"
      door="create-slot"
      label="Create a slot"
      title="Create a replication slot"
      description="On the primary. It keeps WAL for a consumer from now on, whether that consumer reads or not."
      confirmName={name}
      confirmLabel="Create the slot"
      disabledReason={role ?? disabledReason ?? (groups.length === 0 ? 'There is no group yet.' : null)}
      planKey={JSON.stringify(input)}
      options={
        <div className="grid gap-3 sm:grid-cols-2">
          {groups.length > 1 ? (
            <Field label="Group">
              {(ids) => (
                <Select
                  {...ids}
                  value={chosen}
                  options={groups.map((one) => ({ value: one, label: one }))}
                  onChange={(event) => setGroup(event.target.value)}
                />
              )}
            </Field>
          ) : null}
          <Field label="Kind">
            {(ids) => (
              <Select
                {...ids}
                value={kind}
                options={kinds}
                onChange={(event) => setKind(event.target.value as 'logical' | 'physical')}
              />
            )}
          </Field>
          <Settled label="Name" hint="a–z, 0–9 and _" value={name} onSettled={setName} />
          {kind === 'logical' ? (
            <>
              <Settled label="Output plugin" hint="pgoutput, test_decoding, …" value={plugin} onSettled={setPlugin} />
              <Settled label="Database" value={database} onSettled={setDatabase} />
              <Checkbox
                className="sm:col-span-2"
                label="Survives a change of primary (failover)"
                hint="Standbys keep a copy of it; its consumer then waits until the voters have what it is sent."
                checked={failover}
                onChange={(event) => setFailover(event.target.checked)}
              />
            </>
          ) : null}
        </div>
      }
      call={(how) => calls.replication.createSlot({ ...input, ...how })}
    />
  );
}

/** A text that counts once it is written: each plan is asked of the cluster, so not at every letter. */
function Settled({
  label,
  hint,
  value,
  onSettled,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly value: string;
  readonly onSettled: (value: string) => void;
}) {
  const [text, setText] = useState(value);
  const settle = () => onSettled(text.trim());
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') settle();
  };
  return (
    <Field label={label} {...(hint === undefined ? {} : { hint })}>
      {(ids) => (
        <Input
          {...ids}
          autoComplete="off"
          spellCheck={false}
          maxLength={63}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={settle}
          onKeyDown={onKeyDown}
        />
      )}
    </Field>
  );
}
