/**
 * What an upgrade of this host's processes does next, and whether it may. Made anew before each step from what runs, so that it goes on where it
 * stopped, whoever stopped it. Order: standbys first, then for each group a switchover and its old primary, then router and console. Invariants: one
 * process at a time; nothing while a group is not protected; a primary only after its work went elsewhere, where there is an elsewhere. Pure.
 */
import type { ClusterView, GroupView, NodeView } from '../../cluster/model';
import type { GroupName, NodeId } from '../../kernel/ids';
import { type Announced, announcedLevel, announcedRelease } from '../../kernel/release';
import { isFinished } from '../../operations/model';

/** A process that the launcher of this host runs. */
export type RunningProcess = { readonly name: string; readonly pid: number } & Announced;

export type UpgradeSituation = {
  readonly own: { readonly release: string; readonly level: number; readonly guardianVersion: number };
  readonly launcher: RunningProcess | null;
  /** `router`, `server` or a node's name. */
  readonly processes: readonly RunningProcess[];
  readonly view: ClusterView;
  /** Only these are replaced; null: all. */
  readonly only: readonly string[] | null;
  /** Processes that are replaced although they are of this release (`--again`). */
  readonly again?: ReadonlySet<number>;
};

export type UpgradeStep =
  /** `leave`: PostgreSQL goes on under its guardian. `stop`: it is stopped in order, because its guardian is to be replaced too. */
  | {
      readonly kind: 'agent';
      readonly node: NodeId;
      readonly how: 'leave' | 'stop';
      readonly pid: number;
      readonly effect: string;
    }
  | { readonly kind: 'switchover'; readonly group: GroupName; readonly from: NodeId; readonly effect: string }
  | { readonly kind: 'process'; readonly name: string; readonly pid: number; readonly effect: string };

export type UpgradePlan = {
  /** Why the next step must not be taken now, each with what to do. */
  readonly troubles: readonly string[];
  readonly steps: readonly UpgradeStep[];
};

export function planUpgrade(situation: UpgradeSituation): UpgradePlan {
  return { troubles: troublesOf(situation), steps: stepsOf(situation) };
}

function isOld({ own }: UpgradeSituation, process: Announced): boolean {
  return process.release !== own.release;
}

function isDue(situation: UpgradeSituation, process: RunningProcess): boolean {
  return isOld(situation, process) || situation.again?.has(process.pid) === true;
}

// -------------------------------------------------------------------- may it
function troublesOf(situation: UpgradeSituation): readonly string[] {
  const { launcher, processes, own, view } = situation;
  const found: string[] = [];
  for (const process of [...(launcher ? [launcher] : []), ...processes]) {
    if (announcedLevel(process) > own.level)
      found.push(
        `${process.name} runs release ${announcedRelease(process)}, which is newer than this one (${own.release}).`,
      );
  }
  if (launcher === null) found.push('No launcher runs on this data directory. Start this release with npm start.');
  else if (isOld(situation, launcher)) {
    found.push(
      `The launcher (pid ${launcher.pid}) is of release ${announcedRelease(launcher)} and would start its own programs. ` +
        `Let it go with "kill -USR2 ${launcher.pid}" (nothing else stops) and start this release with npm start, with the same environment.`,
    );
  }
  for (const node of view.nodes) {
    if (!['healthy', 'stopped', 'maintenance'].includes(node.status))
      found.push(`${node.record.id} is ${node.status}: ${node.statusReason}`);
  }
  for (const group of view.groups) found.push(...groupTroubles(view, group));
  for (const operation of view.operations) {
    if (!isFinished(operation.state))
      found.push(`Operation ${operation.id} (${operation.kind}) is ${operation.state}. Wait until it ends.`);
  }
  return found;
}

function groupTroubles(view: ClusterView, { record, writable, degraded, sentence }: GroupView): readonly string[] {
  if (!writable || degraded) return [`${record.name}: ${sentence}`];
  const standbys = membersOf(view, record.name).filter(
    ({ record: { id, wanted } }) => id !== record.primary && wanted === 'running',
  );
  const silent = standbys.find((node) => node.report?.postgres.walReceiver?.status !== 'streaming');
  if (silent) return [`${silent.record.id} does not stream from ${record.primary} yet.`];
  const allowed = (id: NodeId) => !record.allowedVoters || record.allowedVoters.includes(id);
  const missing = standbys.find(
    ({ record: { id, maintenance } }) => !maintenance && allowed(id) && !record.voterSet.members.includes(id),
  );
  return record.mode !== 'asynchronous' && missing
    ? [`${missing.record.id} is no synchronous standby of ${record.name} yet.`]
    : [];
}

function membersOf(view: ClusterView, group: GroupName): readonly NodeView[] {
  return view.nodes.filter((node) => node.record.group === group);
}

// -------------------------------------------------------------------- what
function stepsOf(situation: UpgradeSituation): readonly UpgradeStep[] {
  const { processes, view, only } = situation;
  const wanted = processes.filter(
    (process) => isDue(situation, process) && (only === null || only.includes(process.name)),
  );
  const agents = wanted.flatMap((process) => {
    const node = view.nodes.find(({ record }) => record.id === process.name);
    const group = view.groups.find(({ record }) => record.name === node?.record.group);
    return node && group ? [{ process, node, group }] : [];
  });
  const leads = ({ node }: { node: NodeView }) => (view.raft.leader === node.record.id ? 1 : 0);
  const isPrimary = (one: (typeof agents)[number]) => one.group.record.primary === one.node.record.id;
  const standbys = agents.filter((one) => !isPrimary(one)).sort((a, b) => leads(a) - leads(b));
  const primaries = agents.filter(isPrimary).sort((a, b) => leads(a) - leads(b));
  return [
    ...standbys.map(({ process, node }) => agentStep(situation, process, node, standbyEffect(node))),
    ...primaries.flatMap(({ process, node, group }) => primarySteps(situation, process, node, group)),
    ...wanted.filter(({ name }) => name === 'router' || name === 'server').map(processStep),
  ];
}

function primarySteps(
  situation: UpgradeSituation,
  process: RunningProcess,
  node: NodeView,
  { record }: GroupView,
): readonly UpgradeStep[] {
  const { id } = node.record;
  const heir = membersOf(situation.view, record.name).find(
    (other) =>
      other.record.id !== id &&
      other.record.wanted === 'running' &&
      !other.record.maintenance &&
      other.record.priority > 0,
  );
  if (!heir)
    return [
      agentStep(
        situation,
        process,
        node,
        `${record.name} has no other member that may be primary: it takes no writes until ${id} is back`,
      ),
    ];
  return [
    {
      kind: 'switchover',
      group: record.name,
      from: id,
      effect: `planned switchover away from ${id}: new connections of ${record.name} are held for a moment, open sessions end after its drain time`,
    },
    agentStep(situation, process, node, standbyEffect(node)),
  ];
}

function agentStep({ own }: UpgradeSituation, process: RunningProcess, node: NodeView, effect: string): UpgradeStep {
  const leave = (node.report?.guardianVersion ?? 1) >= own.guardianVersion;
  const kept = 'PostgreSQL goes on, its stream is interrupted for a moment';
  return {
    kind: 'agent',
    node: node.record.id,
    how: leave ? 'leave' : 'stop',
    pid: process.pid,
    effect: leave && !effect.includes('no writes') ? kept : effect,
  };
}

function standbyEffect(node: NodeView): string {
  return `PostgreSQL of ${node.record.id} restarts as a standby (its guardian is replaced too): read sessions on it end`;
}

function processStep({ name, pid }: RunningProcess): UpgradeStep {
  const effect =
    name === 'router'
      ? 'sessions through the router end once and are opened again by their clients; new ones wait for less than a second'
      : 'the console is away for a few seconds';
  return { kind: 'process', name, pid, effect };
}

/** One line for people. */
export function titleOf(step: UpgradeStep): string {
  switch (step.kind) {
    case 'agent':
      return `Replace the agent of ${step.node}${step.how === 'stop' ? ' and its guardian' : ''}`;
    case 'switchover':
      return `Switch ${step.group} over from ${step.from}`;
    case 'process':
      return `Replace the ${step.name === 'server' ? 'console' : step.name}`;
  }
}
