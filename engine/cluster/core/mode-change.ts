/**
 * What an operator's wish for another commit mode becomes on the group record, and who may wish it. Invariant kept: nothing but the holder writes
 * `mode`, so a promotion follows the rules under which the last commits were acknowledged; and a wish that lets acknowledged writes be given up
 * later without a word needs an admin who says so.
 */
import { ClusterError } from '../../kernel/errors';
import { features, usable } from '../../kernel/release';
import type { CommitMode, GroupRecord } from '../model';

type Modes = Pick<GroupRecord, 'mode' | 'wantedMode'>;

/** From acknowledged by standbys to acknowledged by nobody: a later failover then loses what no standby has. */
export function givesUpAcknowledgements(record: Modes, wanted: CommitMode): boolean {
  return wanted === 'asynchronous' && record.mode !== 'asynchronous' && record.wantedMode !== 'asynchronous';
}

export type Wish = {
  readonly admin: boolean;
  readonly allowDataLoss: boolean;
  /** Of the cluster: an older holder knows no wish. */
  readonly level: number;
};

/** @throws ClusterError FORBIDDEN or CONFLICT when the wish gives acknowledgements up and nobody who may has said so. */
export function recordWithWantedMode(record: GroupRecord, wanted: CommitMode, wish: Wish): GroupRecord {
  if (givesUpAcknowledgements(record, wanted)) assertConsent(record, wish);
  const next = wanted === record.mode ? null : wanted;
  if ((record.wantedMode ?? null) === next) return record;
  if (usable('wanted-mode', wish.level)) return { ...record, wantedMode: next };
  // Between the synchronous modes S and k alone say what a promotion needs, whoever holds the group.
  if (wanted !== 'asynchronous' && record.mode !== 'asynchronous') return { ...record, mode: wanted };
  throw new ClusterError('CONFLICT', `${record.name} keeps its mode while members of an older release run.`, {
    reasons: [
      {
        rule: 'same-release',
        measured: `level ${wish.level}`,
        limit: `level ${features['wanted-mode']}`,
        remedy: 'Upgrade every node first.',
      },
    ],
  });
}

function assertConsent(record: Pick<GroupRecord, 'name' | 'mode'>, consent: Wish): void {
  const what = `Without acknowledging standbys a failover of ${record.name} gives up the writes that no standby has`;
  if (!consent.admin) {
    throw new ClusterError('FORBIDDEN', `${what}: only an admin may make it asynchronous, with allow_data_loss.`, {
      reasons: [{ rule: 'admin-only', measured: 'not an admin', limit: 'admin', remedy: 'Ask an admin.' }],
    });
  }
  if (!consent.allowDataLoss) {
    throw new ClusterError('CONFLICT', `${what}: confirm it with allow_data_loss.`, {
      reasons: [
        {
          rule: 'allow-data-loss',
          measured: `${record.mode} to asynchronous`,
          limit: 'allow_data_loss: true',
          remedy: 'Give allow_data_loss, or keep a mode with acknowledging standbys.',
        },
      ],
    });
  }
}
