'use client';
import { useMemo, useState } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ClusterNode, Setting } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { Checkbox, Field, Input } from '../../ui/input';
import { Facts, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge } from '../../ui/status';
import { useUrlState } from '../../ui/url-state';
import { PlannedAction } from '../operations/planned-action';
import { changeReason, takesEffect } from './setting-rules';

const columns: readonly Column<Setting>[] = [
  { id: 'name', header: 'Setting', value: (row) => row.name, className: 'num' },
  { id: 'value', header: 'Value', value: (row) => `${row.value}${row.unit ? ` ${row.unit}` : ''}`, className: 'num' },
  {
    id: 'flags',
    header: 'State',
    value: (row) => [row.pending_restart ? 'pending restart' : '', row.managed ? 'managed' : ''].join(' '),
    cell: (row) => (
      <span className="flex gap-1">
        {row.pending_restart ? <Badge tone="warn">waits for a restart</Badge> : null}
        {row.managed ? <Badge tone="busy">set here</Badge> : null}
      </span>
    ),
  },
  { id: 'source', header: 'Source', value: (row) => row.source },
  { id: 'context', header: 'Takes effect', value: (row) => takesEffect(row.context) },
  { id: 'category', header: 'Category', value: (row) => row.category, hidden: true },
  { id: 'description', header: 'Description', value: (row) => row.description, className: 'max-w-[28rem]' },
  { id: 'boot', header: 'Default', value: (row) => row.boot_value, hidden: true, className: 'num' },
];

export function NodeSettings({ node }: { readonly node: ClusterNode }) {
  const trpc = useTRPC();
  const [selected, setSelected] = useUrlState('setting', '');
  const [changed, setChanged] = useUrlState('changed', '');
  const client = useTRPCClient();
  const input = { id: node.id, limit: longestPage };
  const query = usePages({
    queryKey: trpc.cluster.getNodeSettings.queryKey(input),
    fetchPage: (cursor) => client.cluster.getNodeSettings.query({ ...input, cursor }),
    refetchInterval: 10_000,
  });
  const settings = useMemo(() => rowsOf(query.data), [query.data]);
  const rows = useMemo(
    () => settings.filter((row) => changed === '' || row.source !== 'default' || row.pending_restart || row.managed),
    [settings, changed],
  );
  const waiting = settings.filter((row) => row.pending_restart).length;
  const open = settings.find((row) => row.name === selected);
  return (
    <Panel
      title="PostgreSQL settings"
      flush
      actions={<CopyAs call={{ method: 'GET', path: `/cluster/nodes/${node.id}/settings` }} />}
    >
      <ListView query={query} what="the settings" skeleton={<TableSkeleton label="settings" rows={8} />}>
        {() => (
          <>
            {waiting > 0 ? (
              <div className="p-3 pb-0">
                <PartialNote>
                  {counted(waiting, 'setting waits', 'settings wait')} for a restart of this node.
                </PartialNote>
              </div>
            ) : null}
            <DataTable
              id="settings"
              label="Settings"
              columns={columns}
              rows={rows}
              rowId={(row) => row.name}
              onOpen={(row) => setSelected(row.name)}
              selectedId={selected}
              toolbar={
                <Checkbox
                  label="Only changed ones"
                  checked={changed !== ''}
                  onChange={(event) => setChanged(event.target.checked ? '1' : '')}
                />
              }
              empty={<EmptyState title="Nothing was changed">All settings have their default.</EmptyState>}
            />
          </>
        )}
      </ListView>
      <Sheet
        open={open !== undefined}
        onOpenChange={() => setSelected('')}
        title={open?.name ?? ''}
        description={open?.description}
      >
        {open ? <SettingDetails key={open.name} node={node} setting={open} /> : null}
      </Sheet>
    </Panel>
  );
}

function SettingDetails({ node, setting }: { readonly node: ClusterNode; readonly setting: Setting }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const [value, setValue] = useState(setting.value);
  const restart = setting.context === 'postmaster';
  const action = (settings: Record<string, string | null>, label: string, reason: string | null) => (
    <PlannedAction
      label={label}
      title={`${label} ${setting.name} on every member of ${node.group}`}
      description={
        restart
          ? 'This setting needs a restart: the standbys restart one by one, then the group switches over and the old primary restarts.'
          : 'Takes effect by reload; no session notices.'
      }
      confirmName={node.group}
      confirmLabel={label}
      danger={restart}
      disabledReason={role ?? changeReason(setting) ?? reason}
      planKey={JSON.stringify(settings)}
      call={(how) => calls.cluster.updateGroupSettings({ group: node.group, settings, ...how })}
    />
  );
  return (
    <div className="grid gap-4">
      <Facts
        facts={[
          { label: 'Value', value: <span className="num break-all">{`${setting.value} ${setting.unit ?? ''}`}</span> },
          { label: 'Default', value: <span className="num">{setting.boot_value ?? '–'}</span> },
          { label: 'Source', value: setting.source },
          { label: 'Takes effect', value: takesEffect(setting.context) },
          { label: 'Type', value: setting.type },
          { label: 'Category', value: setting.category },
        ]}
      />
      <Field
        label={`New value for all members of ${node.group}`}
        hint={setting.unit ? `In ${setting.unit}, or with a unit such as 64MB` : undefined}
      >
        {(ids) => <Input {...ids} className="num" value={value} onChange={(event) => setValue(event.target.value)} />}
      </Field>
      <div className="flex gap-2">
        {action({ [setting.name]: value }, 'Change', value === setting.value ? 'It already has this value.' : null)}
        {action({ [setting.name]: null }, 'Reset', setting.managed ? null : 'It was not set here.')}
      </div>
    </div>
  );
}
