'use client';
/** A whole list as a file, made by the server; the browser shows how far it is and whether it was cut off. */
import { Download } from 'lucide-react';
import { Button } from './button';
import { Menu } from './menu';

const formats = [
  { id: 'csv', label: 'CSV, for a spreadsheet' },
  { id: 'ndjson', label: 'NDJSON, one record a line' },
] as const;

/** `path`: of the REST call that answers the list; `filters`: its query, without pages. */
export function DownloadList({
  path,
  filters,
  label,
}: {
  readonly path: string;
  readonly filters: Readonly<Record<string, string>>;
  readonly label: string;
}) {
  return (
    <Menu
      label={label}
      trigger={
        <Button size="md" title={label}>
          <Download aria-hidden />
          Export
        </Button>
      }
      items={formats.map(({ id, label: form }) => ({
        id,
        label: form,
        onSelect: () => save(`${path}?${new URLSearchParams({ ...filters, format: id })}`),
      }))}
    />
  );
}

function save(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  // A refusal is then a failed download, not a page of JSON in place of this one.
  link.download = '';
  link.click();
}
