'use client';
import { useMemo } from 'react';
import { toast } from 'sonner';
import { ActionButton } from '../../feedback/action-button';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { AuditRecord } from '../../providers/wire';
import { CodeBlock } from '../../ui/code';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { DownloadList } from '../../ui/download-list';
import { formatDuration } from '../../ui/format';
import { Input, Select } from '../../ui/input';
import { Facts, PageHeader, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { ForRole } from '../frame/for-role';
import { OperationLink } from '../operations/operation-view';

/** A plan that was asked for looks like the deed itself, and succeeded. */
function isDryRun({ input }: AuditRecord): boolean {
  return typeof input === 'object' && input !== null && 'dry_run' in input && input.dry_run === true;
}

const columns: readonly Column<AuditRecord>[] = [
  { id: 'at', header: 'When', value: (row) => row.at, cell: (row) => <Time at={row.at} /> },
  { id: 'actor', header: 'Who', value: (row) => row.actor },
  {
    id: 'procedure',
    header: 'What',
    value: (row) => (isDryRun(row) ? `${row.procedure} (dry run)` : row.procedure),
    cell: (row) => (
      <span className="flex items-center gap-1.5">
        {row.procedure}
        {isDryRun(row) ? <Badge title="It was planned only; nothing was changed">dry run</Badge> : null}
      </span>
    ),
    className: 'num',
  },
  { id: 'outcome', header: 'Outcome', value: (row) => row.outcome, cell: (row) => <Status value={row.outcome} /> },
  { id: 'input', header: 'Input', value: (row) => JSON.stringify(row.input), className: 'num max-w-[26rem]' },
  { id: 'message', header: 'Answer', value: (row) => row.message },
  { id: 'surface', header: 'Over', value: (row) => row.surface },
  { id: 'from', header: 'From', value: (row) => row.client_address, className: 'num' },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    value: (row) => row.duration_ms,
    cell: (row) => formatDuration(row.duration_ms),
  },
  { id: 'role', header: 'Role', value: (row) => row.role, hidden: true },
  { id: 'request', header: 'Request id', value: (row) => row.request_id, hidden: true },
  { id: 'sequence', header: 'No.', align: 'right', value: (row) => row.sequence, hidden: true },
];

const outcomes = ['succeeded', 'refused', 'failed', 'unknown'] as const;

export function AuditPage() {
  return (
    <ForRole needs="admin" what="the audit log" title="Audit">
      <Audit />
    </ForRole>
  );
}

function Audit() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const [outcome, setOutcome] = useUrlState('outcome', '');
  const [actor, setActor] = useUrlState('actor', '');
  const [procedure, setProcedure] = useUrlState('procedure', '');
  const [from, setFrom] = useUrlState('from', '');
  const [to, setTo] = useUrlState('to', '');
  const [selected, setSelected] = useUrlState('record', '');
  const filters = {
    ...(outcome === '' ? {} : { outcome: outcome as (typeof outcomes)[number] }),
    ...(actor === '' ? {} : { actor }),
    ...(procedure === '' ? {} : { procedure }),
    ...moment('from', from),
    ...moment('to', to),
  };
  const input = { limit: 200, ...filters };
  const query = usePages({
    queryKey: trpc.audit.list.queryKey(input),
    fetchPage: (cursor) => client.audit.list.query({ ...input, cursor }),
    refetchInterval: 10_000,
  });
  const rows = useMemo(() => rowsOf(query.data), [query.data]);
  const open = rows.find((row) => String(row.sequence) === selected);
  return (
    <>
      <PageHeader
        title="Audit"
        sentence="Every change, allowed or refused: who, what, from where, with which outcome."
        actions={
          <>
            <VerifyButton />
            <DownloadList path="/api/v1/audit" filters={filters} label="Export every record that fits the filters" />
            <CopyAs call={{ procedure: 'audit.list', input }} />
          </>
        }
      />
      <Panel flush>
        <ListView
          query={query}
          what="the audit log"
          needs="admin"
          skeleton={<TableSkeleton label="the audit log" rows={8} />}
          more="Load older records"
        >
          {() => (
            <DataTable
              id="audit"
              label="Audit records"
              columns={columns}
              rows={rows}
              rowId={(row) => String(row.sequence)}
              selectedId={selected}
              onOpen={(row) => setSelected(String(row.sequence))}
              toolbar={
                <>
                  <Select
                    aria-label="Outcome"
                    className="w-40"
                    value={outcome}
                    options={[
                      { value: '', label: 'All outcomes' },
                      ...outcomes.map((value) => ({ value, label: value })),
                    ]}
                    onChange={(event) => setOutcome(event.target.value)}
                  />
                  <Asked label="Actor, such as user:admin" hint="Who: user:admin" value={actor} onAsk={setActor} />
                  <Asked
                    label="Call, such as cluster.failover"
                    hint="What: cluster.failover"
                    value={procedure}
                    onAsk={setProcedure}
                  />
                  <Moment label="From" value={from} onChange={setFrom} />
                  <Moment label="To" value={to} onChange={setTo} />
                </>
              }
              empty={
                <EmptyState title="No records">
                  Sign-ins, switchovers, changes of settings and refusals are kept here.
                </EmptyState>
              }
            />
          )}
        </ListView>
      </Panel>
      <Sheet
        open={open !== undefined}
        onOpenChange={() => setSelected('')}
        title={open?.procedure ?? ''}
        description={open ? `Record ${open.sequence}` : undefined}
      >
        {open ? <RecordDetails record={open} /> : null}
      </Sheet>
    </>
  );
}

/** Asks the server when it is whole: on Enter, or when the field is left. */
function Asked({
  label,
  hint,
  value,
  onAsk,
}: {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly onAsk: (value: string) => void;
}) {
  return (
    <Input
      type="search"
      aria-label={label}
      placeholder={hint}
      className="w-52"
      defaultValue={value}
      onKeyDown={(event) => event.key === 'Enter' && onAsk(event.currentTarget.value.trim())}
      onBlur={(event) => onAsk(event.target.value.trim())}
    />
  );
}

/** A minute in the browser's own time zone; in the address in UTC, so that a link means the same elsewhere. */
function Moment({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <span className="flex items-center gap-1 text-muted">
      {label}
      <Input
        type="datetime-local"
        aria-label={`${label}, in your time zone`}
        className="w-48"
        value={localMinute(value)}
        onChange={(event) => onChange(event.target.value === '' ? '' : new Date(event.target.value).toISOString())}
      />
    </span>
  );
}

function localMinute(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function moment(key: 'from' | 'to', iso: string): { readonly [K in typeof key]?: string } {
  return Number.isNaN(Date.parse(iso)) ? {} : { [key]: new Date(iso).toISOString() };
}

function RecordDetails({ record }: { readonly record: AuditRecord }) {
  return (
    <div className="grid gap-3">
      <Facts
        facts={[
          { label: 'Outcome', value: <Status value={record.outcome} /> },
          { label: 'Code', value: record.code ?? '–' },
          { label: 'Answer', value: record.message ?? '–' },
          { label: 'Who', value: `${record.actor}${record.role ? ` (${record.role})` : ''}` },
          { label: 'When', value: <Time at={record.at} /> },
          { label: 'From', value: `${record.client_address} over ${record.surface}` },
          { label: 'Request id', value: <span className="num break-all">{record.request_id}</span> },
          { label: 'Took', value: formatDuration(record.duration_ms) },
          ...(record.operation_id
            ? [
                {
                  label: 'Operation',
                  value: <OperationLink id={record.operation_id}>{record.operation_id}</OperationLink>,
                },
              ]
            : []),
          { label: 'Hash', value: <span className="num break-all">{record.hash}</span> },
        ]}
      />
      <CodeBlock label="Input, secrets removed" code={JSON.stringify(record.input, null, 2)} />
    </div>
  );
}

function VerifyButton() {
  const client = useTRPCClient();
  return (
    <ActionButton
      size="md"
      what="verify the chain"
      call={{ procedure: 'audit.verify', input: {}, send: () => client.audit.verify.query({}) }}
      onDone={(result) =>
        result.ok ? toast.success(result.message) : toast.error(result.message, { duration: 30_000 })
      }
    >
      Verify the chain
    </ActionButton>
  );
}
