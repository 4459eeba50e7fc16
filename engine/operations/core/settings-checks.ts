/** Which settings an operator may set through the group record: the server has them, and they are not the engine's own. */
import { leastFor } from '../../cluster/core/member-limits';
import type { NodeId } from '../../kernel/ids';
import type { SettingsVerdict } from '../../runtime/engine-api';
import type { Check } from '../model';
import { adminOnly, check } from './checks';
import { locksNobodyOut } from './lockout-checks';
import { isManaged, libraryName, librarySetting, restartSettings, settingName } from './restart-settings';
import { formatBytes, type GroupSnapshot } from './snapshot';

export function settingsChecks(
  settings: Readonly<Record<string, string | null>>,
  known: ReadonlyMap<string, string> | null,
  admin = true,
): readonly Check[] {
  return Object.keys(settings).flatMap((name) => {
    const valid = settingName.test(name);
    const allowed = valid && !isManaged(name);
    const permission = check('setting-allowed', allowed, {
      measured: name,
      limit: valid ? 'not managed by the engine' : 'a setting name',
      remedy: !valid
        ? `${name} is no setting name.`
        : name.includes('.')
          ? `${name} makes the server run code or open files: it can't be set through the API.`
          : `${name} is set by the engine itself and can't be changed.`,
    });
    const value = settings[name] ?? null;
    // A reset may be of a name that an earlier version had.
    if (!allowed || value === null) return [permission];
    const more =
      name === 'archive_mode'
        ? [hasArchiveTarget(value)]
        : name === librarySetting
          ? librariesMayLoad(value, admin)
          : [];
    return [permission, isKnown(name, known), ...oneLine(name, value), ...locksNobodyOut(name, value), ...more];
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

/** It runs in every backend, as PostgreSQL's user. */
function librariesMayLoad(value: string, admin: boolean): readonly Check[] {
  const names = value.split(',').map((one) => one.trim());
  const odd = value.trim() === '' ? [] : names.filter((one) => !libraryName.test(one));
  return [
    adminOnly('admin-only', admin, `Loading a library (${librarySetting})`),
    check('library-name', odd.length === 0, {
      measured: odd.join(', ') || 'bare names',
      limit: 'bare names of installed libraries',
      remedy: `Name libraries without a path or suffix, such as pg_stat_statements: ${odd.join(', ')} is none.`,
    }),
  ];
}

function oneLine(name: string, value: string): readonly Check[] {
  if (!/[\r\n\0]/.test(value)) return [];
  return [
    check('one-line', false, {
      measured: `${name} has a line break`,
      limit: 'one line',
      remedy: `Write the value of ${name} in one line.`,
    }),
  ];
}

/** A group's own members need that many senders, slots and connections. */
export function membersFit(settings: Readonly<Record<string, string | null>>, members: number): readonly Check[] {
  return Object.entries(leastFor(members)).flatMap(([name, least]) => {
    const value = settings[name] ?? null;
    if (value === null || !(Number(value) < least)) return [];
    return [
      check('member-limits', false, {
        measured: `${name} = ${value}`,
        limit: `${least}`,
        remedy: `The ${members} members of the group need ${name} = ${least} at least.`,
      }),
    ];
  });
}

/** What the servers themselves said when they were asked to try; and whether members of one host fit into its memory together. */
export function serversAccept(
  settings: Readonly<Record<string, string | null>>,
  group: GroupSnapshot,
  verdicts: ReadonlyMap<NodeId, SettingsVerdict> | null | undefined,
): readonly Check[] {
  if (!verdicts || Object.keys(settings).length === 0) return [];
  const tried = [...verdicts].map(([node, { refusal }]) =>
    check('postgres-accepts', refusal === null, {
      node,
      measured: refusal ?? 'it would start',
      limit: 'it would start',
      remedy: `PostgreSQL of ${node} would not start with this: ${refusal}.`,
    }),
  );
  return [...tried, ...hostsHaveMemory(group, verdicts)];
}

function hostsHaveMemory(group: GroupSnapshot, verdicts: ReadonlyMap<NodeId, SettingsVerdict>): readonly Check[] {
  const hosts = new Map<string, { needed: number; memory: number }>();
  for (const { record } of group.members) {
    const verdict = verdicts.get(record.id);
    if (!verdict || verdict.sharedMemoryBytes === null) continue;
    const before = hosts.get(record.host) ?? { needed: 0, memory: verdict.hostMemoryBytes };
    const memory = Math.min(before.memory, verdict.hostMemoryBytes);
    hosts.set(record.host, { needed: before.needed + verdict.sharedMemoryBytes, memory });
  }
  return [...hosts].flatMap(([host, { needed, memory }]) =>
    needed <= memory
      ? []
      : [
          check('host-memory', false, {
            measured: `${formatBytes(needed)} of shared memory for ${group.record.name} on ${host}`,
            limit: formatBytes(memory),
            remedy: `${host} has ${formatBytes(memory)} of memory: set less (shared_buffers, max_connections).`,
          }),
        ],
  );
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
