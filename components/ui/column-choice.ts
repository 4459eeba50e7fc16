/** Which columns of a table are shown, as text for the address. Pure. Nothing in the address: as the table comes; a column that is gone is ignored. */

type Choosable = { readonly id: string; readonly hidden?: boolean };

export function hiddenColumns(columns: readonly Choosable[], text: string): ReadonlySet<string> {
  const chosen = new Set(text.split(',').filter((id) => columns.some((column) => column.id === id)));
  return new Set(
    columns
      .filter((column) => (chosen.size === 0 ? column.hidden === true : !chosen.has(column.id)))
      .map((column) => column.id),
  );
}

/** The text after showing or hiding one column; empty where that is as the table comes. The last visible one can't be hidden. */
export function toggledColumn(columns: readonly Choosable[], text: string, id: string): string {
  const hidden = new Set(hiddenColumns(columns, text));
  if (hidden.has(id)) hidden.delete(id);
  else if (hidden.size < columns.length - 1) hidden.add(id);
  if (columns.every((column) => hidden.has(column.id) === (column.hidden === true))) return '';
  return columns
    .map((column) => column.id)
    .filter((one) => !hidden.has(one))
    .join(',');
}
