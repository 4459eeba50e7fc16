/** A change of primary empties unlogged tables: whoever starts one is told what is in them. Never a reason to refuse: they are meant to be lost. */
import type { NodeId } from '../../kernel/ids';
import type { UnloggedTables } from '../../replication/model';
import type { Check } from '../model';
import { check } from './checks';
import { formatBytes } from './snapshot';

const named = 5;

export function unloggedTablesKept(primary: NodeId | null, found: readonly UnloggedTables[] | null): readonly Check[] {
  if (primary === null || found === null || found.length === 0) return [];
  const tables = found.reduce((sum, one) => sum + one.tables, 0);
  const more = found.length > named ? `; and ${found.length - named} more databases` : '';
  return [
    check('unlogged-tables', false, {
      node: primary,
      severity: 'warning',
      measured: `${found.slice(0, named).map(inDatabase).join('; ')}${more}`,
      limit: 'none',
      remedy: `${tables === 1 ? 'This table is' : 'These tables are'} empty afterwards: unlogged tables are not replicated. Copy what is still needed, or run ALTER TABLE … SET LOGGED before.`,
    }),
  ];
}

function inDatabase({ database, tables, rows, bytes }: UnloggedTables): string {
  const size = bytes === null ? 'of unknown size' : `with ${formatBytes(bytes)}`;
  return `${database}: ${tables} unlogged ${tables === 1 ? 'table' : 'tables'} ${size}, about ${Math.round(rows)} ${Math.round(rows) === 1 ? 'row' : 'rows'}`;
}
