/** Effects of changing a group's commit mode and PostgreSQL settings: the record first, then every reachable member, then wait for the rule to hold. */
import { inForce } from '../cluster/core/level';
import { recordWithWantedMode } from '../cluster/core/mode-change';
import { wantedK } from '../cluster/core/voter-set';
import { type CommitMode, type GroupRecord, keys, type LevelRecord } from '../cluster/model';
import { ClusterError, isClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { pollUntil } from '../kernel/waiting';
import { isFresh } from './core/snapshot';
import { isReachable } from './node-steps';
import { nodeOf, type StepContext, type StepOutcome } from './step-context';

const unheardMs = 5_000;

function wantedSettings(context: StepContext): Readonly<Record<string, string | null>> {
  const { request } = context.operation;
  if (request.kind === 'change-settings' || request.kind === 'configure-replication') return request.settings;
  throw new ClusterError('INTERNAL', `${request.kind} changes no settings.`);
}

export async function writeSettings(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  const changes = wantedSettings(context);
  const names = Object.keys(changes);
  const name = context.group().record.name;
  await tryOnPrimary(context, changes);
  const members = [...context.world.snapshot().nodes.values()]
    .filter((node) => node.record.group === name)
    .map((node) => node.record.id);
  const group = (record: GroupRecord): GroupRecord => {
    const settings = settingsWith(record.settings, changes);
    if (request.kind !== 'configure-replication') return { ...record, settings };
    // The plan asked for an admin; that data may be given up is asked again of the very record that is written.
    const level = inForce((context.world.store.localGet(keys.level)?.value ?? null) as LevelRecord | null);
    const wish = { admin: true, allowDataLoss: request.allowDataLoss === true, level };
    const next = recordWithWantedMode(record, request.mode, wish);
    return { ...next, settings, allowedVoters: allowedVoters(record, request.standbys, members) };
  };
  const { record } = context.group();
  const replication: WrittenReplication | undefined =
    request.kind === 'configure-replication'
      ? {
          before: { mode: record.wantedMode ?? record.mode, allowedVoters: record.allowedVoters ?? null },
          after: { mode: request.mode, allowedVoters: allowedVoters(record, request.standbys, members) },
        }
      : undefined;
  const result: WrittenSettings = { before: valuesOf(record, names), ...(replication ? { replication } : {}) };
  return { detail: `Recorded: ${names.join(', ') || 'the commit mode'}.`, result, group };
}

/** Journalled with the step: what its names were before, for whoever has to undo it. */
export type WrittenSettings = {
  readonly before: Readonly<Record<string, string | null>>;
  /** Of a change of replication; absent also in what an earlier release journalled. */
  readonly replication?: WrittenReplication;
};

type Replication = { readonly mode: CommitMode; readonly allowedVoters: readonly NodeId[] | null };
export type WrittenReplication = { readonly before: Replication; readonly after: Replication };

export function settingsWith(
  settings: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  const next: Record<string, string> = { ...settings };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete next[name];
    else next[name] = value;
  }
  return next;
}

export function valuesOf(record: GroupRecord, names: readonly string[]): Readonly<Record<string, string | null>> {
  return Object.fromEntries(names.map((name) => [name, record.settings[name] ?? null] as const));
}

/**
 * PostgreSQL itself says whether a value is allowed: the primary takes it before the record does, so that a refused value is nowhere written down.
 * What the primary took of a refused request is taken back.
 */
async function tryOnPrimary(context: StepContext, changes: Readonly<Record<string, string | null>>): Promise<void> {
  const { record } = context.group();
  const snapshot = context.world.snapshot();
  const primary = record.primary === null ? undefined : snapshot.nodes.get(record.primary);
  if (!primary || !isFresh(primary, snapshot.config.leaseMs) || Object.keys(changes).length === 0) return;
  const send = (settings: Readonly<Record<string, string | null>>) =>
    context.world.command(
      primary.record.id,
      'agent.settings',
      { fence: context.fence(), settings },
      context.remainingMs(),
    );
  try {
    await send(changes);
  } catch (error) {
    await send(valuesOf(record, Object.keys(changes))).catch(() => undefined);
    throw error;
  }
}

/** Naming every standby names nobody in particular; the primary stays allowed, for it is a standby after the next switchover. */
function allowedVoters(
  record: GroupRecord,
  standbys: readonly NodeId[],
  members: readonly NodeId[],
): readonly NodeId[] | null {
  // Nobody acknowledges in the asynchronous mode: naming nobody leaves what counts in the others as it was.
  if (standbys.length === 0) return record.allowedVoters ?? null;
  const named = new Set<NodeId>([...standbys, ...(record.primary === null ? [] : [record.primary])]);
  return members.every((member) => named.has(member)) ? null : [...named].sort();
}

export async function applySettings(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const params = { fence: context.fence(), settings: wantedSettings(context) };
  // A controller that has just taken over has heard of nobody yet: it asks all the same, and waits less for an answer.
  const heard = isReachable(context, node);
  const timeoutMs = heard ? context.remainingMs() : Math.min(unheardMs, context.remainingMs());
  try {
    const done = await context.world.command(node, 'agent.settings', params, timeoutMs);
    const pending = done.pendingRestart.length > 0 ? ` ${done.pendingRestart.join(', ')} wait for a restart.` : '';
    return { detail: `Applied on ${node}.${pending}`, result: done };
  } catch (error) {
    if (!isClusterError(error)) throw error;
    // Nothing was sent: it has just been added, or has just gone.
    const unsent = error.details.clusterCode === 'CLU_NODE_UNREACHABLE';
    if (!unsent && (heard || !['UNAVAILABLE', 'TIMEOUT'].includes(error.code))) throw error;
    return {
      detail: `${node} does not answer; it applies the record when it is back.`,
      result: { pendingRestart: [] },
    };
  }
}

export async function waitVoters(context: StepContext): Promise<StepOutcome> {
  const held = () => {
    const { record } = context.group();
    const { members, k } = record.voterSet;
    // Until the holder has brought it there the old mode's rules hold.
    if ((record.wantedMode ?? null) !== null) return undefined;
    if (record.mode === 'asynchronous') return members.length === 0 ? 'No standby has to acknowledge.' : undefined;
    if (members.length === 0 || k !== wantedK(record.mode, members.length)) return undefined;
    const allowed = record.allowedVoters ?? members;
    return members.every((id) => allowed.includes(id)) ? `${k} of ${members.join(', ')} must acknowledge.` : undefined;
  };
  const detail = await pollUntil(context.world.loop, held, {
    timeoutMs: context.remainingMs(),
    intervalMs: 50,
    what: 'the new commit rule holds',
    signal: context.signal,
  });
  return { detail };
}
