/**
 * Undoes a change of settings that did not come to its end, so that no member keeps a part of it: first the record, which every agent keeps its server to
 * (one that is down finds it when it comes back), then each member that answers, also where PostgreSQL does not start, then the members that had been
 * restarted with the new values. Idempotent: a controller that takes over in the middle does it again from the journal.
 */
import { inForce } from '../cluster/core/level';
import { givesUpAcknowledgements, recordWithWantedMode } from '../cluster/core/mode-change';
import { type GroupRecord, keys, type LevelRecord } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { delay, pollUntil } from '../kernel/waiting';
import { actionOf } from './core/steps';
import { settingsWith, valuesOf, type WrittenReplication, type WrittenSettings } from './settings-steps';
import type { StepContext } from './step-context';

const memberMs = 15_000;
const restartMs = 120_000;

export async function undoSettings(context: StepContext): Promise<boolean> {
  const { request } = context.operation;
  if (request.kind !== 'change-settings' && request.kind !== 'configure-replication') return false;
  const names = Object.keys(request.settings);
  const written = context.step.result as WrittenSettings | null;
  if (names.length === 0 && written?.replication === undefined) return false;
  const before = written?.before ?? valuesOf(context.group().record, names);
  await restoreRecord(context, request.settings, { ...written, before });
  if (names.length === 0) return true;
  const members = [...context.world.snapshot().nodes.values()]
    .filter((node) => node.record.group === request.group)
    .map((node) => node.record.id);
  // All are told: a controller that has just taken over has heard of nobody yet.
  await Promise.all(members.map((id) => restoreMember(context, id, before)));
  for (const id of restarted(context)) await restartAgain(context, id);
  return true;
}

/** Only what still is as this operation wrote it. */
async function restoreRecord(
  context: StepContext,
  wanted: Readonly<Record<string, string | null>>,
  { before, replication }: WrittenSettings,
): Promise<void> {
  const { store } = context.world;
  const level = inForce((store.localGet(keys.level)?.value ?? null) as LevelRecord | null);
  for (let attempt = 0; attempt < 20; attempt++) {
    const { record, modRevision } = context.group();
    const ours = Object.keys(wanted).filter((name) => (record.settings[name] ?? null) === wanted[name]);
    const settings = settingsWith(
      record.settings,
      Object.fromEntries(ours.map((name) => [name, before[name] ?? null])),
    );
    const next: GroupRecord = {
      ...(replication ? recordWithReplication(record, replication, level) : record),
      settings,
    };
    if (JSON.stringify(next) === JSON.stringify(record)) return;
    const key = keys.group(record.name);
    const mutations = [{ kind: 'put' as const, key, value: next as unknown as Json }];
    const result = await store.txn({ compare: [{ key, modRevision }], mutations });
    if (result.succeeded) return;
    await delay(context.world.loop, 20, context.signal);
  }
  throw new ClusterError('CONFLICT', 'The group record kept changing.', { clusterCode: 'CLU_REVISION_CONFLICT' });
}

/**
 * The former commit mode and the former choice of standbys. A mode in which commits are acknowledged by then stays, where the former one would give them up:
 * nobody was asked for that.
 */
export function recordWithReplication(
  record: GroupRecord,
  { before, after }: WrittenReplication,
  level: number,
): GroupRecord {
  const asWritten = JSON.stringify(record.allowedVoters ?? null) === JSON.stringify(after.allowedVoters);
  const next = asWritten ? { ...record, allowedVoters: before.allowedVoters } : record;
  const stands = (record.wantedMode ?? record.mode) === after.mode;
  if (!stands || givesUpAcknowledgements(record, before.mode)) return next;
  return recordWithWantedMode(next, before.mode, { admin: false, allowDataLoss: false, level });
}

/** A member that does not take it now is brought to the record by its own agent. */
async function restoreMember(context: StepContext, id: NodeId, settings: Readonly<Record<string, string | null>>) {
  const params = { fence: context.fence(), settings };
  await context.world.command(id, 'agent.settings', params, memberMs).catch(() => undefined);
}

/** In the order in which they were restarted, and who is to be brought up again. A member that was made primary since runs on with what it has. */
function restarted(context: StepContext): readonly NodeId[] {
  const { primary } = context.group().record;
  const was = context.operation.oldPrimary ?? null;
  return context.operation.steps
    .filter((entry) => actionOf(entry) === 'restart-postgres' && entry.attempt > 0 && entry.node)
    .map((entry) => entry.node!)
    .filter((id) => id !== primary || id === was);
}

async function restartAgain(context: StepContext, id: NodeId): Promise<void> {
  const { record } = context.group();
  const left = context.world.store.leaseRemainingMs(record.name);
  // Nobody serves: a failover needs every standby as it is, and values that wait for a restart harm nobody.
  if (record.leaseReleased || (left !== null && left <= 0) || context.signal.aborted) return;
  const timeoutMs = Math.min(restartMs, context.remainingMs());
  const params = { fence: context.fence(), mode: 'fast' as const };
  await context.world.command(id, 'agent.restart', params, timeoutMs);
  await pollUntil(
    context.world.loop,
    () => {
      const state = context.world.snapshot().nodes.get(id)?.report?.postgres.state;
      return state === 'standby' || state === 'primary' ? true : undefined;
    },
    { timeoutMs, intervalMs: 100, what: `PostgreSQL of ${id} is up again`, signal: context.signal },
  );
}
