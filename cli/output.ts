/** Answers as text: a list is a table, an object is one line a field with its lists below. Pure. */

type Row = Readonly<Record<string, unknown>>;

const maxColumns = 9;
const maxCell = 48;
/** What a row is looked at for, in the order in which a narrow terminal keeps it. Other fields follow in the answer's own order. */
const telling = ['id', 'node_id', 'name', 'group', 'role', 'status', 'state', 'lag_ms', 'address', 'port'];

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
  names.sort((a, b) => placeOf(a) - placeOf(b));
  const columns: { name: string; cells: string[]; size: number }[] = [];
  let used = 0;
  for (const name of names.slice(0, maxColumns * 3)) {
    const cells = objects.map((row) => cell(row[name]));
    // Older names of one thing say it once.
    if (
      objects.length > 0 &&
      isIdentity(name) &&
      columns.some((known) => isIdentity(known.name) && same(known.cells, cells))
    )
      continue;
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

const identities = new Set(['id', 'node_id', 'name', 'node_name', 'replica_id']);
const isIdentity = (name: string) => identities.has(name);
const same = (a: readonly string[], b: readonly string[]) => a.every((one, at) => one === b[at]);

function placeOf(name: string): number {
  const at = telling.indexOf(name);
  return at < 0 ? telling.length : at;
}

/** Numbers as people read them: what is measured is not known to fifteen digits. */
function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return String(Math.abs(value) >= 0.1 ? Number(value.toFixed(2)) : Number(value.toPrecision(2)));
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
      : typeof value === 'number'
        ? numberText(value)
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
