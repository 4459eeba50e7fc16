/** Which settings an operator may set through the group record. */
import type { Check } from '../model';
import { check } from './checks';
import { managedSettings, restartSettings, settingName } from './restart-settings';

export function settingsChecks(settings: Readonly<Record<string, string | null>>): readonly Check[] {
  return Object.keys(settings).map((name) => {
    const valid = settingName.test(name);
    const allowed = valid && !managedSettings.has(name);
    return check('setting-allowed', allowed, {
      measured: name,
      limit: valid ? 'not managed by the engine' : 'a setting name',
      remedy: valid ? `${name} is set by the engine itself and can't be changed.` : `${name} is no setting name.`,
    });
  });
}

export function needsRestart(settings: Readonly<Record<string, string | null>>): readonly string[] {
  return Object.keys(settings).filter((name) => restartSettings.has(name));
}
