/** What "copy as CSV / JSON" puts on the clipboard: exactly the rows and columns on screen, in that order. */

export type Cell = string | number | boolean | null | undefined;
export type ExportColumn<Row> = { readonly header: string; readonly value: (row: Row) => Cell };

/** RFC 4180 quoting; a leading =, +, - or @ in text is defused so that a spreadsheet never runs it as a formula. */
export function toCsv<Row>(columns: readonly ExportColumn<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map((column) => csvCell(column.header)).join(',')];
  for (const row of rows) lines.push(columns.map((column) => csvCell(column.value(row))).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

function csvCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toJson<Row>(columns: readonly ExportColumn<Row>[], rows: readonly Row[]): string {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map((column) => [column.header, column.value(row) ?? null])),
  );
  return JSON.stringify(objects, null, 2);
}

/** Every word of the query must occur somewhere in the row. */
export function matches<Row>(columns: readonly ExportColumn<Row>[], row: Row, query: string): boolean {
  const needles = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (needles.length === 0) return true;
  const text = columns
    .map((column) => String(column.value(row) ?? ''))
    .join('\u0000')
    .toLowerCase();
  return needles.every((needle) => text.includes(needle));
}

/** Numbers by size, text with embedded numbers in human order (node-2 before node-10), nothing last. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
