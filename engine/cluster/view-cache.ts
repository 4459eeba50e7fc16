/**
 * Keeps the view incrementally: a report or a record marks its node and group, a coalesced refresh rebuilds only those, and remembers since when
 * each problem stands. Invariant: cost of a refresh is that of what changed plus one pass over references.
 */
import type { GroupName, NodeId } from '../kernel/ids';
import type { GroupSnapshot } from '../operations/core/snapshot';
import type { Operation } from '../operations/model';
import { analyseGroup, controlQuorum, type Finding } from './analysis';
import type { ClusterState } from './cluster-state';
import { plannedChange } from './core/planned-change';
import type { ClusterView, GroupView, LinkView, NodeView, Problem } from './model';
import { clusterView, groupLinks, groupView, nodeView, raftRoles } from './view';

type StatusChange = { readonly node: NodeView; readonly before: NodeView | null };
export type ViewChange = {
  readonly statuses: readonly StatusChange[];
  readonly groups: readonly { readonly view: GroupView; readonly before: GroupView | null }[];
  readonly begun: readonly Problem[];
  readonly ended: readonly Problem[];
};

/** Ages in a served view are at most this old. */
const ageToleranceMs = 100;

export class ViewCache {
  readonly #nodes = new Map<NodeId, NodeView>();
  readonly #groups = new Map<
    GroupName,
    { view: GroupView; links: readonly LinkView[]; problems: readonly Problem[] }
  >();
  readonly #dirtyGroups = new Set<GroupName>();
  readonly #since = new Map<string, string>();
  #clusterProblems: readonly Problem[] = [];
  #all = true;
  #revision = 0;
  #served: { view: ClusterView; builtMs: number } | null = null;

  constructor(
    private readonly state: ClusterState,
    private readonly clock: { monotonic(): number; wall(): number },
  ) {}

  get revision(): number {
    return this.#revision;
  }

  touchNode(id: NodeId): void {
    const group = this.state.groupOf(id);
    if (group !== null) this.#dirtyGroups.add(group);
  }
  touchGroup(name: GroupName): void {
    this.#dirtyGroups.add(name);
  }
  touchAll(): void {
    this.#all = true;
  }
  /** A new leader starts anew: what a follower supposed, without hearing reports, began and ended nothing. */
  forgetProblems(): void {
    this.#since.clear();
    this.#clusterProblems = [];
    for (const [name, entry] of this.#groups) this.#groups.set(name, { ...entry, problems: [] });
  }
  get dirty(): boolean {
    return this.#all || this.#dirtyGroups.size > 0;
  }

  /** Rebuilds what is marked; groups with a silent member are always looked at, because silence marks nothing. */
  refresh(): ViewChange {
    const names = this.#all ? [...this.state.groupNames()] : [...this.#dirtyGroups];
    this.#dirtyGroups.clear();
    const statuses: StatusChange[] = [];
    const groups: { view: GroupView; before: GroupView | null }[] = [];
    const begun: Problem[] = [];
    const ended: Problem[] = [];
    const raft = this.state.raft();
    const raftRoleOf = raftRoles(raft);
    const running = new Map<GroupName, Operation[]>();
    for (const operation of this.state.unfinished()) {
      if (operation.group === null || operation.state !== 'running') continue;
      running.set(operation.group, [...(running.get(operation.group) ?? []), operation]);
    }
    for (const name of names) {
      const group = this.state.group(name);
      const before = this.#groups.get(name);
      if (!group) {
        this.#groups.delete(name);
        ended.push(...(before?.problems ?? []));
        continue;
      }
      const { config, pauses } = this.state;
      const context = { atMs: this.clock.wall(), leaseMs: config.leaseMs, pauses };
      // After the last step that needs the group for itself the others still have to follow.
      const planned =
        (running.get(name) ?? []).map((one) => plannedChange(one, group, context)).find((one) => one !== null) ?? null;
      for (const member of group.members) {
        const view = nodeView(member, group.record, { config, raftRoleOf, planned });
        const old = this.#nodes.get(member.record.id) ?? null;
        if (old?.status !== view.status) statuses.push({ node: view, before: old });
        // Readers find what changed by identity.
        if (old === null || !sameNode(old, view)) this.#nodes.set(member.record.id, view);
      }
      const operation = this.#operationOf(group);
      const view = groupView(group, this.state.config, operation);
      const findings = analyseGroup({
        atMs: this.clock.wall(),
        config: this.state.config,
        raft,
        group,
        primary: group.members.find((member) => member.record.id === group.record.primary) ?? null,
        standbys: group.members.filter((member) => member.record.id !== group.record.primary),
        operation,
        planned,
      });
      const problems = this.#remember(before?.problems ?? [], findings, { begun, ended });
      groups.push({ view, before: before?.view ?? null });
      this.#groups.set(name, {
        view,
        links: keptLinks(before?.links ?? [], groupLinks(group, this.state.config)),
        problems,
      });
    }
    for (const id of [...this.#nodes.keys()]) if (this.state.groupOf(id) === null) this.#nodes.delete(id);
    const voters = raft.configuration.voters.flatMap((voter) => this.state.node(voter.id) ?? []);
    const findings = controlQuorum({ config: this.state.config, raft, voterNodes: voters });
    this.#clusterProblems = this.#remember(this.#clusterProblems, findings, { begun, ended });
    this.#all = false;
    this.#revision++;
    this.#served = null;
    return { statuses, groups, begun, ended };
  }

  view(): ClusterView {
    const now = this.clock.monotonic();
    if (this.#served && now - this.#served.builtMs <= ageToleranceMs) return this.#served.view;
    const nodes = [...this.#nodes.values()].sort(byNode);
    const groups = [...this.#groups.values()].sort(byGroup);
    const view = clusterView(
      {
        cluster: this.state.cluster,
        revision: this.#revision,
        nodes,
        groups: groups.map((entry) => entry.view),
        links: groups.flatMap((entry) => entry.links),
        problems: [...this.#clusterProblems, ...groups.flatMap((entry) => entry.problems)].sort(bySeverity),
      },
      this.state.snapshot(),
    );
    this.#served = { view, builtMs: now };
    return view;
  }

  #operationOf(group: GroupSnapshot) {
    const id = group.record.operation;
    return id === null ? null : (this.state.operation(id)?.operation ?? null);
  }

  #remember(
    before: readonly Problem[],
    findings: readonly Finding[],
    out: { begun: Problem[]; ended: Problem[] },
  ): readonly Problem[] {
    const now = new Date(this.clock.wall()).toISOString();
    const seen = new Set<string>();
    const problems = findings.map((entry): Problem => {
      const key = keyOf(entry);
      seen.add(key);
      const since = this.#since.get(key);
      const problem = { ...entry, since: since ?? now };
      if (since === undefined) this.#since.set(key, now);
      // What gets worse is told again; it is the same problem, since the same time.
      const old = before.find((one) => keyOf(one) === key);
      if (since === undefined || (old && severityOrder[entry.severity] < severityOrder[old.severity]))
        out.begun.push(problem);
      return problem;
    });
    for (const old of before) {
      if (seen.has(keyOf(old))) continue;
      this.#since.delete(keyOf(old));
      out.ended.push(old);
    }
    return problems;
  }
}

function keyOf(entry: Finding): string {
  return `${entry.rule}|${entry.group ?? ''}|${entry.node ?? ''}`;
}
/** Equal but for the age of a report that is still fresh. */
function sameNode(a: NodeView, b: NodeView): boolean {
  return (
    a.report === b.report &&
    a.record === b.record &&
    a.status === b.status &&
    a.statusReason === b.statusReason &&
    a.role === b.role &&
    a.raftRole === b.raftRole &&
    b.status !== 'unhealthy'
  );
}
/** A link that is as it was stays the same object: readers find what changed by identity. */
function keptLinks(before: readonly LinkView[], after: readonly LinkView[]): readonly LinkView[] {
  return after.map((link, at) => (before[at] !== undefined && sameLink(before[at], link) ? before[at] : link));
}

function sameLink(a: LinkView, b: LinkView): boolean {
  return (Object.keys(b) as (keyof LinkView)[]).every((name) => a[name] === b[name]);
}

const collator = new Intl.Collator('en', { numeric: true });
function byNode(a: NodeView, b: NodeView): number {
  return collator.compare(a.record.id, b.record.id);
}
function byGroup(a: { view: GroupView }, b: { view: GroupView }): number {
  return a.view.record.name < b.view.record.name ? -1 : 1;
}
const severityOrder = { critical: 0, warning: 1, info: 2 } as const;
function bySeverity(a: Problem, b: Problem): number {
  return severityOrder[a.severity] - severityOrder[b.severity];
}
