'use client';
import { Columns3, Copy, Search } from 'lucide-react';
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { Button } from './button';
import { copyText } from './code';
import { counted, plural } from './counted';
import type { Column } from './data-table';
import { formatNumber } from './format';
import { Input } from './input';
import { Menu } from './menu';
import { toCsv, toJson } from './table-export';

export function TableToolbar<Row>({
  label,
  search,
  query,
  onQuery,
  columns,
  shown,
  hidden,
  onToggle,
  rows,
  total,
  children,
}: {
  readonly label: string;
  readonly search: boolean;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly columns: readonly Column<Row>[];
  readonly shown: readonly Column<Row>[];
  readonly hidden: ReadonlySet<string>;
  readonly onToggle: (column: string) => void;
  readonly rows: readonly Row[];
  readonly total: number;
  readonly children?: ReactNode;
}) {
  const count = rows.length === total ? formatNumber(total) : `${formatNumber(rows.length)} of ${formatNumber(total)}`;
  return (
    <div className="flex flex-wrap items-center gap-2 border-line border-b px-2 py-1.5">
      {search ? (
        <div className="relative w-52 max-w-full">
          <Search className="pointer-events-none absolute top-1.5 left-2 size-3.5 text-muted" aria-hidden />
          <Input
            type="search"
            aria-label={`Filter ${label}`}
            placeholder="Filter"
            value={query}
            onChange={(event) => onQuery(event.target.value)}
            className="pl-7"
          />
        </div>
      ) : null}
      {children}
      <span className="ml-auto text-muted" role="status">
        {count} {plural(total, 'row')}
      </span>
      <Menu
        label="Columns"
        trigger={
          <Button variant="ghost" size="sm" aria-label="Choose columns">
            <Columns3 aria-hidden />
          </Button>
        }
        items={columns.map((column) => ({
          id: column.id,
          label: column.header,
          checked: !hidden.has(column.id),
          onSelect: () => onToggle(column.id),
        }))}
      />
      <Menu
        label="Copy rows"
        trigger={
          <Button variant="ghost" size="sm" aria-label="Copy rows">
            <Copy aria-hidden />
          </Button>
        }
        items={[
          { id: 'csv', label: 'Copy as CSV', onSelect: () => copied(toCsv(shown, rows), rows.length) },
          { id: 'json', label: 'Copy as JSON', onSelect: () => copied(toJson(shown, rows), rows.length) },
        ]}
      />
    </div>
  );
}

function copied(text: string, rows: number): void {
  void copyText(text).then((done) => {
    if (done) toast.success(`${counted(rows, 'row')} copied`);
    else toast.error('The browser did not let it be copied');
  });
}
