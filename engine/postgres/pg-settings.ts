/** All settings as a running server has them. */
import type { SettingInfo } from '../runtime/engine-api';
import type { LocalConnection } from './connection';
import { roleSettings } from './settings';

type SettingRow = Omit<SettingInfo, 'managed'> & { automatic: boolean };

export async function listSettings(connection: LocalConnection): Promise<SettingInfo[]> {
  const rows = await connection.query<SettingRow>(
    `SELECT name, setting AS value, unit, category, short_desc AS description, context, vartype AS type, source,
            boot_val AS "bootValue", pending_restart AS "pendingRestart", coalesce(sourcefile LIKE '%postgresql.auto.conf', false) AS automatic
       FROM pg_settings ORDER BY name`,
  );
  const ours: readonly string[] = roleSettings;
  return rows.map(({ automatic, ...row }) => ({ ...row, managed: automatic && !ours.includes(row.name) }));
}
