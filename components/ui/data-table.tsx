'use client';
/**
 * The console's table: sort, filter, column choice, keyboard rows, copy as CSV/JSON, sticky header, virtual rows. Sort, filter
 * and columns live in the URL under `id`. Only visible rows are in the document once there are more than `virtualFrom`, so 10,000 rows scroll as 30 do.
 */
import {
  type ColumnDef,
  getCoreRowModel,
  getSortedRowModel,
  type Row as TableRow,
  useReactTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useCallback, useMemo, useRef, useState } from 'react';
import { cn } from './cn';
import { hiddenColumns, toggledColumn } from './column-choice';
import { type Cell, compareCells, matches } from './table-export';
import { TableToolbar } from './table-toolbar';
import { useUrlState } from './url-state';

export type Column<Row> = {
  readonly id: string;
  readonly header: string;
  /** What the word means, on hover. */
  readonly hint?: string;
  /** What sorting, filtering and copying see. */
  readonly value: (row: Row) => Cell;
  /** What people see; the value itself when absent. */
  readonly cell?: (row: Row) => ReactNode;
  readonly align?: 'right';
  readonly hidden?: boolean;
  readonly className?: string;
};

type Props<Row> = {
  readonly id: string;
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  readonly onOpen?: (row: Row) => void;
  readonly empty: ReactNode;
  readonly toolbar?: ReactNode;
  readonly sort?: string;
  readonly selectedId?: string | null;
  readonly className?: string;
  readonly search?: boolean;
};

/** In view however narrow the page is: what can be done must not be scrolled for. */
const actionsColumn = 'actions';
const stays = 'sticky right-0 z-[5] border-l bg-panel';

const rowHeight = 32;
const virtualFrom = 80;

export function DataTable<Row>(props: Props<Row>) {
  const { id, columns, rows, rowId, onOpen } = props;
  const [query, setQuery] = useUrlState(`${id}.q`, '');
  const [sort, setSort] = useUrlState(`${id}.sort`, props.sort ?? '');
  const [chosen, setChosen] = useUrlState(`${id}.columns`, '');
  const hidden = useMemo(() => hiddenColumns(columns, chosen), [columns, chosen]);
  const shown = useMemo(() => columns.filter((column) => !hidden.has(column.id)), [columns, hidden]);
  const filtered = useMemo(() => rows.filter((row) => matches(columns, row, query)), [rows, columns, query]);
  const definitions = useMemo<ColumnDef<Row>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        accessorFn: (row) => column.value(row),
        sortingFn: (a, b, columnId) => compareCells(a.getValue<Cell>(columnId), b.getValue<Cell>(columnId)),
        sortUndefined: false,
      })),
    [columns],
  );
  const state = useMemo(() => ({ sorting: parseSort(sort) }), [sort]);
  const table = useReactTable({
    data: filtered as Row[],
    columns: definitions,
    state,
    // The table resets its page index whenever rows change, which renders again: with live rows that would never end.
    autoResetAll: false,
    autoResetPageIndex: false,
    getRowId: rowId,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  const sorted = table.getRowModel().rows;
  const scroller = useRef<HTMLElement>(null);
  const virtual = sorted.length > virtualFrom;
  const virtualizer = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    enabled: virtual,
  });
  const items = virtualizer.getVirtualItems();
  const visible = virtual ? items.map((item) => sorted[item.index]).filter((row) => row !== undefined) : sorted;
  const before = virtual ? (items[0]?.start ?? 0) : 0;
  const after = virtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  const [active, setActive] = useState<string | null>(null);
  const onKeyDown = useRowKeys(
    sorted,
    active,
    setActive,
    onOpen,
    (index) => virtual && virtualizer.scrollToIndex(index),
    scroller,
  );
  const tabStop = active !== null && sorted.some((row) => row.id === active) ? active : sorted[0]?.id;

  return (
    <div className={cn('min-w-0', props.className)}>
      <TableToolbar
        label={props.label}
        search={props.search ?? true}
        query={query}
        onQuery={setQuery}
        columns={columns}
        shown={shown}
        hidden={hidden}
        onToggle={(column) => setChosen(toggledColumn(columns, chosen, column))}
        rows={sorted.map((row) => row.original)}
        total={rows.length}
      >
        {props.toolbar}
      </TableToolbar>
      {sorted.length === 0 ? (
        <div className="p-3">
          {rows.length > 0 ? (
            <p className="text-muted">
              No row matches “{query}”.{' '}
              <button type="button" className="text-accent underline" onClick={() => setQuery('')}>
                Clear the filter
              </button>
            </p>
          ) : (
            props.empty
          )}
        </div>
      ) : (
        <section
          ref={scroller}
          className={cn('relative shade-x overflow-auto', virtual && 'max-h-[70dvh]')}
          tabIndex={onOpen ? -1 : 0}
          aria-label={props.label}
        >
          <table className="w-full border-separate border-spacing-0" aria-rowcount={sorted.length + 1}>
            <thead className="sticky top-0 z-10 bg-panel">
              <tr>
                {shown.map((column) => (
                  <HeaderCell key={column.id} column={column} sort={sort} onSort={setSort} />
                ))}
              </tr>
            </thead>
            <tbody onKeyDown={onOpen ? onKeyDown : undefined}>
              {before > 0 ? <Spacer height={before} span={shown.length} /> : null}
              {visible.map((row) => (
                <BodyRow
                  key={row.id}
                  row={row}
                  columns={shown}
                  selected={props.selectedId === row.id}
                  tabIndex={onOpen ? (row.id === tabStop ? 0 : -1) : undefined}
                  onOpen={onOpen}
                  onFocus={setActive}
                />
              ))}
              {after > 0 ? <Spacer height={after} span={shown.length} /> : null}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}

function HeaderCell<Row>({
  column,
  sort,
  onSort,
}: {
  readonly column: Column<Row>;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}) {
  const direction = sort === column.id ? 'ascending' : sort === `-${column.id}` ? 'descending' : 'none';
  const next = direction === 'none' ? column.id : direction === 'ascending' ? `-${column.id}` : '';
  return (
    <th
      scope="col"
      aria-sort={direction}
      className={cn(
        'border-line border-b px-2 py-1 text-left font-medium text-muted',
        column.id === actionsColumn && stays,
        column.align === 'right' && 'text-right',
      )}
    >
      <button
        type="button"
        className="inline-flex items-center gap-1 whitespace-nowrap hover:text-fg"
        title={column.hint}
        onClick={() => onSort(next)}
      >
        {column.header}
        {direction === 'ascending' ? <ArrowUp className="size-3" aria-hidden /> : null}
        {direction === 'descending' ? <ArrowDown className="size-3" aria-hidden /> : null}
      </button>
    </th>
  );
}

function BodyRow<Row>({
  row,
  columns,
  selected,
  tabIndex,
  onOpen,
  onFocus,
}: {
  readonly row: TableRow<Row>;
  readonly columns: readonly Column<Row>[];
  readonly selected: boolean;
  readonly tabIndex: number | undefined;
  readonly onOpen: ((row: Row) => void) | undefined;
  readonly onFocus: (id: string) => void;
}) {
  return (
    <tr
      data-row={row.id}
      tabIndex={tabIndex}
      aria-selected={selected || undefined}
      onFocus={() => onFocus(row.id)}
      onClick={
        onOpen
          ? (event) => {
              const target = event.target as HTMLElement;
              if (target.closest('a,button,input,select') === null) onOpen(row.original);
            }
          : undefined
      }
      className={cn('h-8', onOpen && 'cursor-pointer hover:bg-raised', selected && 'bg-accent-soft')}
    >
      {columns.map((column) => (
        <td
          key={column.id}
          title={column.cell ? undefined : whole(column.value(row.original))}
          className={cn(
            'max-w-96 truncate border-line border-b px-2 py-1 align-middle',
            column.align === 'right' && 'num text-right',
            column.id === actionsColumn && stays,
            column.className,
          )}
        >
          {column.cell ? column.cell(row.original) : String(column.value(row.original) ?? '–')}
        </td>
      ))}
    </tr>
  );
}

/** A text that may be cut can be read in full on hover. */
function whole(value: Cell): string | undefined {
  return typeof value === 'string' && value.length > 24 ? value : undefined;
}

function Spacer({ height, span }: { readonly height: number; readonly span: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={span} style={{ height, padding: 0 }} />
    </tr>
  );
}

function parseSort(sort: string) {
  if (sort === '') return [];
  return [{ id: sort.replace(/^-/, ''), desc: sort.startsWith('-') }];
}

/** Up, Down, Home, End, Page keys move; Enter opens. */
function useRowKeys<Row>(
  rows: readonly TableRow<Row>[],
  active: string | null,
  setActive: (id: string) => void,
  onOpen: ((row: Row) => void) | undefined,
  reveal: (index: number) => void,
  scroller: { readonly current: HTMLElement | null },
) {
  return useCallback(
    (event: KeyboardEvent) => {
      const index = Math.max(
        0,
        rows.findIndex((row) => row.id === active),
      );
      const steps: Record<string, number> = {
        ArrowDown: index + 1,
        ArrowUp: index - 1,
        PageDown: index + 15,
        PageUp: index - 15,
        Home: 0,
        End: rows.length - 1,
      };
      const current = rows[index];
      if (event.key === 'Enter' && current && (event.target as HTMLElement).tagName === 'TR') {
        event.preventDefault();
        onOpen?.(current.original);
        return;
      }
      const wanted = steps[event.key];
      if (wanted === undefined) return;
      event.preventDefault();
      const next = Math.min(rows.length - 1, Math.max(0, wanted));
      const row = rows[next];
      if (row === undefined) return;
      setActive(row.id);
      reveal(next);
      requestAnimationFrame(() =>
        scroller.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(row.id)}"]`)?.focus(),
      );
    },
    [rows, active, setActive, onOpen, reveal, scroller],
  );
}
