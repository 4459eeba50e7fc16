/** A group's replication configuration: what the record says, what the primary really runs with. */
import type { z } from 'zod';
import { actsWithoutStandby } from '@/engine/cluster/core/voter-set';
import type { ClusterView, CommitMode, GroupRecord } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { OperationRequest } from '@/engine/operations/model';
import type { SettingInfo } from '@/engine/runtime/engine-api';
import type { ProcedureContext } from '../context';
import { askNodes } from '../shared/ask-nodes';
import { findGroup, primaryOf, selectGroups } from '../shared/find';
import { membersOf } from '../shared/present-topology';
import type { replicationConfigInput } from './wire';

const segmentMegabytes = 16;
const mostGroups = 32;

type ConfigInput = z.output<typeof replicationConfigInput>;

const modes: Readonly<Record<ConfigInput['mode'], CommitMode>> = {
  synchronous: 'synchronous',
  sync: 'synchronous',
  asynchronous: 'asynchronous',
  async: 'asynchronous',
  semi_synchronous: 'semi_synchronous',
  'semi-sync': 'semi_synchronous',
};

export function configureRequest(
  view: ClusterView,
  input: ConfigInput,
): Extract<OperationRequest, { kind: 'configure-replication' }> {
  const group = findGroup(view, input.group).record;
  const members = membersOf(view, group.name).map((node) => node.record.id);
  const mode = modes[input.mode];
  if (mode !== 'asynchronous' && input.standby_nodes === undefined) {
    throw new ClusterError(
      'INVALID_INPUT',
      `standby_nodes: name the standbys whose acknowledgement counts in ${mode}`,
      {
        reasons: [
          {
            rule: 'names-standbys',
            measured: '0',
            limit: '1',
            remedy: 'Name at least one standby of the group, or take asynchronous.',
          },
        ],
      },
    );
  }
  const standbys = [...new Set((input.standby_nodes ?? []).map((one) => one.replace(/:\d{1,5}$/, '')))];
  for (const standby of standbys) {
    const exists = view.nodes.some((node) => node.record.id === standby);
    if (!members.includes(standby)) throw unfit(standby, `is no member of ${group.name}`, exists);
    if (standby === group.primary) throw unfit(standby, `is the primary of ${group.name}`, exists);
  }
  return {
    kind: 'configure-replication',
    group: group.name,
    mode,
    standbys,
    allowDataLoss: input.allow_data_loss,
    settings: settingsOf(input),
  };
}

function unfit(standby: string, why: string, exists: boolean): ClusterError {
  return new ClusterError('INVALID_INPUT', `standby_nodes: ${standby} ${why}`, {
    clusterCode: exists ? 'CLU_STANDBY_NOT_READY' : 'CLU_NODE_NOT_FOUND',
    reasons: [
      {
        rule: 'standby-of-the-group',
        measured: why,
        limit: 'a standby',
        remedy: 'Name standbys of this group',
        node: standby,
      },
    ],
  });
}

function settingsOf(input: ConfigInput): Record<string, string> {
  const settings: Record<string, string> = {};
  if (input.replication_timeout_secs !== undefined) settings.wal_sender_timeout = `${input.replication_timeout_secs}s`;
  if (input.max_wal_senders !== undefined) settings.max_wal_senders = String(input.max_wal_senders);
  if (input.wal_keep_segments !== undefined) settings.wal_keep_size = `${input.wal_keep_segments * segmentMegabytes}MB`;
  if (input.archive_mode !== undefined) settings.archive_mode = input.archive_mode ? 'on' : 'off';
  return settings;
}

/** @throws when the first group, or the one that is named, has no primary that answers; other groups are only named as missing */
export async function askForReplicationConfig(context: ProcedureContext, name: string | undefined) {
  const { view } = context.engine.current();
  const own = findGroup(view, name).record;
  const primary = primaryOf(view, own.name);
  const first = presentConfig(view, own, await context.engine.node(primary.record.id, 'node.settings', {}));
  const others = selectGroups(view, name).filter((group) => group.record.name !== own.name);
  // A primary tells all its settings: some hundred in each answer.
  const primaries = others
    .slice(0, mostGroups - 1)
    .flatMap((group) => view.nodes.find((node) => node.record.id === group.record.primary) ?? []);
  const { answers } = await askNodes(context, primaries, { method: 'node.settings', params: {} });
  const found = others.flatMap(({ record }) => {
    const settings = answers.find((one) => one.node.record.id === record.primary)?.answer;
    return settings === undefined ? [] : [presentConfig(view, record, settings)];
  });
  const known = new Set(found.map((one) => one.group));
  return {
    ...first,
    groups: [first, ...found],
    missing_groups: others.map((group) => group.record.name).filter((group) => !known.has(group)),
  };
}

/** Who was asked for is one thing, who counts at this moment another: a standby that is down is still configured. */
function configuredStandbys(view: ClusterView, record: GroupRecord): string[] {
  if ((record.wantedMode ?? record.mode) === 'asynchronous') return [];
  const members = membersOf(view, record.name).map((node) => node.record.id);
  const allowed = record.allowedVoters ?? members;
  return members.filter((node) => node !== record.primary && allowed.includes(node));
}

function presentConfig(view: ClusterView, record: GroupRecord, answered: readonly SettingInfo[]) {
  const settings = new Map(answered.map((one) => [one.name, one] as const));
  const whole = (setting: string): number => {
    const value = Number(settings.get(setting)?.value);
    return Number.isFinite(value) ? Math.trunc(value) : 0;
  };
  return {
    group: record.name,
    mode: record.mode,
    wanted_mode: record.wantedMode ?? record.mode,
    standby_nodes: configuredStandbys(view, record),
    voters: [...record.voterSet.members],
    required_acknowledgements: record.voterSet.k,
    // PostgreSQL keeps these in ms and MB.
    replication_timeout_secs: Math.trunc(whole('wal_sender_timeout') / 1000),
    max_wal_senders: whole('max_wal_senders'),
    wal_keep_segments: Math.trunc(whole('wal_keep_size') / segmentMegabytes),
    archive_mode: (settings.get('archive_mode')?.value ?? 'off') !== 'off',
    archive_command: commandIn(settings.get('archive_command')?.value),
    on_no_standby: actsWithoutStandby(record),
    pending_restart: [...settings.values()].filter((one) => one.pendingRestart).map((one) => one.name),
  };
}

/** PostgreSQL shows this word in place of any command while archiving is off. */
function commandIn(shown: string | undefined): string | null {
  return shown === undefined || shown === '' || shown === '(disabled)' ? null : shown;
}
