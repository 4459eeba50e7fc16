/**
 * What a plan must hear from servers beyond what they report, asked before it is made. Invariant: nobody is asked for a request that is refused anyway, and
 * a server that doesn't answer makes the answer unknown, never the plan impossible.
 */
import type { ClusterState } from '../cluster/cluster-state';
import type { NodeId } from '../kernel/ids';
import type { NodeSlots, UnloggedTables } from '../replication/model';
import type { SettingInfo, SettingsVerdict } from '../runtime/engine-api';
import type { Settings } from './core/operation-kind';
import { concernsSlots, concernsUnloggedTables, settingsOf } from './core/operation-kinds';
import type { PlanContext } from './core/plan';
import { shapeFaults } from './core/request-shape';
import { settingsChecks } from './core/settings-checks';
import { type GroupSnapshot, isFresh } from './core/snapshot';
import type { OperationRequest } from './model';

export type Asked = Pick<PlanContext, 'knownSettings' | 'slots' | 'verdicts' | 'unlogged'>;

export type ServersAsked = {
  readonly state: ClusterState;
  /** The settings that a node's server has. */
  settingsOf(node: NodeId): Promise<readonly Pick<SettingInfo, 'name' | 'context'>[]>;
  /** Whether a node's server would start with these settings. */
  checkSettings(node: NodeId, settings: Settings): Promise<SettingsVerdict>;
  /** The slots that a node's server holds. */
  slotsOf(node: NodeId): Promise<NodeSlots>;
  /** The unlogged tables that a primary holds. */
  unloggedOf(node: NodeId): Promise<readonly UnloggedTables[]>;
};

/** `preview`: the plan is only looked at. Null where it was not needed, or nobody answered. */
export async function askServers(servers: ServersAsked, request: OperationRequest, preview: boolean): Promise<Asked> {
  const group = shapeFaults(request).length > 0 ? undefined : groupOf(servers, request);
  if (!group) return { knownSettings: null, slots: null, verdicts: null, unlogged: null };
  const settings = settingsOf(request) ?? {};
  const [knownSettings, slots, verdicts, unlogged] = await Promise.all([
    knownSettingsOf(servers, group, settings),
    concernsSlots(request) ? slotsOf(servers, group) : null,
    verdictsOn(servers, group, settings),
    concernsUnloggedTables(request, preview) ? unloggedOf(servers, group, request) : null,
  ]);
  return { knownSettings, slots, verdicts, unlogged };
}

function groupOf({ state }: ServersAsked, request: OperationRequest): GroupSnapshot | undefined {
  const snapshot = state.snapshot();
  const name = 'group' in request ? request.group : snapshot.nodes.get(request.node)?.record.group;
  return name === undefined ? undefined : snapshot.groups.get(name);
}

function freshMembers({ state }: ServersAsked, group: GroupSnapshot) {
  return group.members.filter((member) => isFresh(member, state.config.leaseMs));
}

/** Each member that answers tries the settings with its own binaries, without changing anything. */
async function verdictsOn(servers: ServersAsked, group: GroupSnapshot, settings: Settings) {
  // What may not be set at all is not tried: a trial loads libraries.
  const allowed = settingsChecks(settings, null).every((one) => one.ok || one.severity !== 'blocker');
  if (!allowed || Object.keys(settings).length === 0) return null;
  const answers = await Promise.all(
    freshMembers(servers, group).map(async ({ record }) => {
      // An agent of an earlier release does not know the question.
      const verdict = await servers.checkSettings(record.id, settings).catch(() => null);
      return verdict === null ? [] : [[record.id, verdict] as const];
    }),
  );
  return new Map(answers.flat());
}

/** Of every member that answers. */
async function slotsOf(servers: ServersAsked, group: GroupSnapshot) {
  const answers = await Promise.all(
    freshMembers(servers, group).map(
      async ({ record }) => [record.id, await servers.slotsOf(record.id).catch(() => null)] as const,
    ),
  );
  return new Map(answers.flatMap(([node, slots]) => (slots === null ? [] : [[node, slots] as const])));
}

/** Of the primary, if it serves and knows the question. */
async function unloggedOf(servers: ServersAsked, group: GroupSnapshot, request: OperationRequest) {
  const primary = freshMembers(servers, group).find((member) => member.record.id === group.record.primary);
  if (!primary || ('node' in request && request.node !== primary.record.id)) return null;
  return servers.unloggedOf(primary.record.id).catch(() => null);
}

/** Asks the group's servers one after the other, the primary first. */
async function knownSettingsOf(servers: ServersAsked, group: GroupSnapshot, settings: Settings) {
  if (Object.keys(settings).length === 0) return null;
  const first = (member: { record: { id: NodeId } }) => (member.record.id === group.record.primary ? 0 : 1);
  const asked = [...freshMembers(servers, group)].sort((a, b) => first(a) - first(b));
  for (const { record } of asked.slice(0, 3)) {
    const found = await servers.settingsOf(record.id).catch(() => null);
    if (found) return new Map(found.map((entry) => [entry.name.toLowerCase(), entry.context]));
  }
  return null;
}
