/** Which settings an operator may set through the group record: the server has them, and they are not the engine's own. */
import type { Check } from '../model';
import { check } from './checks';
import { managedSettings, restartSettings, settingName } from './restart-settings';

export function settingsChecks(
  settings: Readonly<Record<string, string | null>>,
  known: ReadonlyMap<string, string> | null,
): readonly Check[] {
  return Object.keys(settings).flatMap((name) => {
    const valid = settingName.test(name);
    const allowed = valid && !managedSettings.has(name);
    const permission = check('setting-allowed', allowed, {
      measured: name,
      limit: valid ? 'not managed by the engine' : 'a setting name',
      remedy: valid ? `${name} is set by the engine itself and can't be changed.` : `${name} is no setting name.`,
    });
    const value = settings[name] ?? null;
    // A reset may be of a name that an earlier version had.
    if (!allowed || value === null) return [permission];
    return [permission, isKnown(name, known), ...(name === 'archive_mode' ? [hasArchiveTarget(value)] : [])];
  });
}

/** Without an archiver PostgreSQL keeps every segment until one takes it, which nobody ever does. */
function hasArchiveTarget(mode: string): Check {
  return check('archive-target', /^(off|false|no|0)$/i.test(mode), {
    measured: `archive_mode = ${mode}, no archive target`,
    limit: 'off',
    remedy:
      "No archive target can be configured, and without one the primary keeps all its WAL until its disk is full. Leave archive_mode out; to keep WAL elsewhere, make a physical replication slot and read it with PostgreSQL's pg_receivewal.",
  });
}

function isKnown(name: string, known: ReadonlyMap<string, string> | null): Check {
  const limit = 'a setting that the server has';
  if (known === null) {
    const remedy = `No server of the group answered, so ${name} could not be looked up; the primary checks it when it runs.`;
    return check('setting-known', false, { severity: 'warning', measured: `${name}: not looked up`, limit, remedy });
  }
  const context = known.get(name);
  if (context === 'internal') {
    const remedy = `${name} is fixed when the server is built or the database is created.`;
    return check('setting-known', false, {
      measured: `${name}: read-only`,
      limit: 'a setting that can be set',
      remedy,
    });
  }
  // What belongs to an extension is known once its library is loaded.
  const ofExtension = name.includes('.');
  return check('setting-known', context !== undefined, {
    severity: ofExtension ? 'warning' : 'blocker',
    measured: `${name}: ${context === undefined ? 'unknown' : 'known'}`,
    limit,
    remedy: ofExtension
      ? `No loaded extension has ${name}: it has no effect until one that has it is loaded.`
      : `PostgreSQL has no setting ${name}; look at the settings of a node for the right name.`,
  });
}

export function needsRestart(settings: Readonly<Record<string, string | null>>): readonly string[] {
  return Object.keys(settings).filter((name) => restartSettings.has(name));
}
