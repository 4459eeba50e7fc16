/**
 * Settings that somebody made past the engine and that it needs otherwise. Those that it keeps off by the command line are told because nothing happens;
 * lines that PostgreSQL can't read, because then it takes no change at all, not even the one that lets commits go on without a dead standby.
 */
import { isFresh } from '../../operations/core/snapshot';
import type { SettingByHand } from '../model';
import { type Finding, finding, type GroupAnalyser } from './situation';

const named = 5;

export const settingsByHand: GroupAnalyser = (situation) =>
  situation.group.members.flatMap((member) => {
    if (!isFresh(member, situation.config.leaseMs)) return [];
    const { id } = member.record;
    const found = member.report!.postgres.settingsByHand ?? [];
    const tell = (told: Pick<Finding, 'severity' | 'sentence' | 'remedy'>): Finding =>
      finding(situation, { rule: 'settings-by-hand', node: id, ...told });
    const unreadable = found.filter(({ error }) => error !== null);
    const inForce = found.filter((one) => one.error === null && one.inForce);
    const keptOff = found.filter((one) => one.error === null && !one.inForce);
    return [
      ...(unreadable.length > 0
        ? [
            tell({
              severity: 'critical',
              sentence: `PostgreSQL of ${id} can’t read its configuration and takes no change of a setting: ${listed(unreadable, line)}.`,
              remedy: 'The node writes its files anew. If this lasts, take the line out and SELECT pg_reload_conf().',
            }),
          ]
        : []),
      ...(inForce.length > 0
        ? [
            tell({
              severity: 'warning',
              sentence: `${id} runs with settings made by hand that the engine needs otherwise: ${listed(inForce, setting)}.`,
              remedy: `ALTER SYSTEM RESET ${inForce[0]!.name}, then restart ${id}.`,
            }),
          ]
        : []),
      ...(keptOff.length > 0
        ? [
            tell({
              severity: 'info',
              sentence: `Settings made by hand on ${id} have no effect, the engine sets these itself: ${listed(keptOff, setting)}.`,
              remedy: `ALTER SYSTEM RESET ${keptOff[0]!.name}, or take the line out of its file.`,
            }),
          ]
        : []),
    ];
  });

function listed(found: readonly SettingByHand[], text: (one: SettingByHand) => string): string {
  const more = found.length > named ? ` and ${found.length - named} more` : '';
  return `${found.slice(0, named).map(text).join('; ')}${more}`;
}

const place = ({ file, line }: SettingByHand) => `${file ?? 'a configuration file'}, line ${line ?? '?'}`;
const setting = (one: SettingByHand) => `${one.name} = ${one.value} (${place(one)})`;
const line = (one: SettingByHand) => `${place(one)}: ${one.name === null ? '' : `${one.name}: `}${one.error}`;
