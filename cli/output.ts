/** Answers as text: a list is a table, an object is one line a field with its lists below. Pure. */

type Row = Readonly<Record<string, unknown>>;

const maxColumns = 9;
const maxCell = 48;

export function textOf(answer: unknown, width = 160): string {
  if (answer === undefined) return 'Done.';
  if (Array.isArray(answer)) return answer.length === 0 ? 'Nothing.' : table(answer as Row[], width);
  if (typeof answer === 'object' && answer !== null) return fields(answer as Row, width);
  return String(answer);
}

export function table(rows: readonly unknown[], width = 160): string {
  if (!rows.every((row) => typeof row === 'object' && row !== null)) return rows.map(cell).join('\n');
  const objects = rows as readonly Row[];
  const names = [...new Set(objects.flatMap((row) => Object.keys(row)))].filter((name) =>
    objects.some((row) => row[name] !== null && row[name] !== undefined && isPlain(row[name])),
  );
  const columns: { name: string; cells: string[]; size: number }[] = [];
  let used = 0;
  for (const name of names.slice(0, maxColumns * 3)) {
    const cells = objects.map((row) => cell(row[name]));
    const size = Math.max(name.length, ...cells.map((one) => one.length));
    if (columns.length >= maxColumns || (columns.length > 0 && used + size + 2 > width)) continue;
    columns.push({ name, cells, size });
    used += size + 2;
  }
  const line = (of: (column: (typeof columns)[number]) => string) =>
    columns
      .map((column) => of(column).padEnd(column.size))
      .join('  ')
      .trimEnd();
  return [
    line(({ name }) => name.toUpperCase()),
    ...objects.map((_row, index) => line(({ cells }) => cells[index]!)),
  ].join('\n');
}

function fields(object: Row, width: number): string {
  const plain = Object.entries(object).filter(([, value]) => isPlain(value));
  const size = Math.max(0, ...plain.map(([name]) => name.length));
  const lines = plain.map(([name, value]) => `${name.padEnd(size)}  ${cell(value, width)}`);
  const nested = Object.entries(object).filter(([, value]) => !isPlain(value));
  const parts = nested.map(([name, value]) => {
    if (Array.isArray(value)) return value.length === 0 ? '' : `\n${name}:\n${indent(table(value, width - 2))}`;
    return `\n${name}:\n${indent(fields(value as Row, width - 2))}`;
  });
  return [...lines, ...parts.filter((part) => part !== '')].join('\n');
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((one) => typeof one !== 'object' || one === null);
  return typeof value !== 'object' || value === null;
}

function cell(value: unknown, most = maxCell): string {
  if (value === null || value === undefined) return '-';
  const text = Array.isArray(value)
    ? value.join(',')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
  // Nothing that a server sends may steer the terminal.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
