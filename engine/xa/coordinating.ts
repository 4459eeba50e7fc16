/** Everything that a node does while it is the coordinator group's primary: calls, settling, what outlived an earlier coordinator, resource managers outside. */
import { type GroupRecord, keys } from '../cluster/model';
import { ClusterError, messageOf } from '../kernel/errors';
import type { AreaMeans } from '../node/area';
import type { LocalEndpoint } from '../postgres/connection';
import type { Requester } from '../runtime/engine-api';
import { Coordinator } from './coordinator';
import { outcomeOf } from './core/outcome';
import { DecisionTable, type StoredDecision } from './decision-table';
import type { BranchView, Decision, PreparedTransaction, XaRequests, XaStats, XaTransaction } from './door';
import { Managers } from './managers';
import type { SettleAnswer, SettleRequest } from './resolver';
import { type ResourceManager, xaError } from './resource-manager';
import { XaCounters } from './stats';

const outsideEveryMs = 2_000;
const pruneEveryMs = 600_000;
/** Finished decisions are kept that long: as long as a restore may bring one of their branches back. */
const keepMs = 7 * 24 * 3_600_000;
const outsideAnswerMs = 3_000;

export type CoordinatingOptions = {
  readonly means: AreaMeans;
  readonly cluster: string;
  readonly groupMark: string;
  readonly clusterSecret: string;
  readonly endpoint: () => LocalEndpoint;
  readonly resolved: () => number;
};

export class Coordinating {
  readonly calls: Coordinator;
  readonly managers: Managers;
  readonly #table: DecisionTable;
  readonly #counters: XaCounters;
  #outsideAtMs = Number.NEGATIVE_INFINITY;
  #prunedAtMs: number;
  #resolvedOutside = 0;

  constructor(private readonly options: CoordinatingOptions) {
    const { means, cluster, groupMark, clusterSecret, endpoint } = options;
    const { loop, logger, config } = means;
    this.#prunedAtMs = loop.now();
    this.#counters = new XaCounters(new Date(loop.wallMs()).toISOString());
    this.#table = new DecisionTable(loop, endpoint);
    this.managers = new Managers(means, clusterSecret, cluster);
    this.calls = new Coordinator({
      loop,
      logger,
      group: config.group,
      node: config.nodeId,
      cluster,
      groupMark,
      table: this.#table,
      managers: this.managers,
      counters: this.#counters,
      unprotected: (names) => names.filter((name) => this.#mode(name) === 'asynchronous'),
    });
  }

  stop(): void {
    this.calls.stop();
    this.managers.close();
    this.#table.close();
  }

  async pass(): Promise<void> {
    const { loop } = this.options.means;
    await this.calls.finishLeftOver();
    await this.calls.noteFinished();
    if (loop.now() - this.#outsideAtMs >= outsideEveryMs) {
      this.#outsideAtMs = loop.now();
      await this.#resolveOutside();
    }
    if (loop.now() - this.#prunedAtMs >= pruneEveryMs) {
      this.#prunedAtMs = loop.now();
      await this.#table.prune(keepMs);
    }
  }

  /** For whoever holds prepared branches: what they may do, for good. */
  async settle({ branches }: SettleRequest): Promise<SettleAnswer> {
    const undecided = branches.filter(({ id }) => !this.calls.isLive(id));
    if (undecided.length === 0) return Object.fromEntries(branches.map(({ id }) => [id, 'wait']));
    const [known, keptSince] = [await this.#table.look(undecided.map(({ id }) => id)), await this.#table.keptSinceMs()];
    const knowable = undecided.filter(
      ({ id, preparedAtMs }) => known.has(id) || outcomeOf(null, false, preparedAtMs, keptSince) === 'abort',
    );
    // Of a transaction that began after the first question nobody asks here: its id is new.
    const settled =
      knowable.length === 0 ? new Map<string, StoredDecision>() : await this.#table.settle(distinct(knowable));
    return Object.fromEntries(
      branches.map(({ id, preparedAtMs }) => {
        const kept = settled.get(id) ?? null;
        // An administrator has the last word on the branches of a transaction that was ended by hand.
        return [id, outcomeOf(kept, this.calls.isLive(id), preparedAtMs, keptSince)];
      }),
    );
  }

  async commit(xid: string, onePhase: boolean): Promise<XaTransaction> {
    const past = this.calls.find(xid) === null ? await this.#table.byXid(xid) : null;
    if (past?.decision === 'commit') return this.#pastView(past);
    return this.calls.commit(xid, onePhase);
  }

  async rollback(xid: string): Promise<XaTransaction> {
    const past = this.calls.find(xid) === null ? await this.#table.byXid(xid) : null;
    if (past?.decision === 'abort') return this.#pastView(past);
    if (past) throw xaError('XAER_PROTO', `${xid}: it is committed.`, { extra: { state: 'committed' } });
    return this.calls.rollback(xid);
  }

  async forget(xid: string): Promise<XaTransaction> {
    const past = this.calls.find(xid) === null ? await this.#table.byXid(xid) : null;
    if (!past) return this.calls.forget(xid);
    if (past.heuristic === null) throw xaError('XAER_PROTO', `${xid}: only what ended heuristically is forgotten.`);
    await this.#table.forget(past.id);
    return this.#pastView({ ...past, heuristic: null });
  }

  async get(xid: string): Promise<XaTransaction | null> {
    const here = this.calls.find(xid);
    if (here) return here.view();
    const past = await this.#table.byXid(xid);
    return past ? this.#pastView(past) : null;
  }

  async list(limit: number, ended: boolean): Promise<readonly XaTransaction[]> {
    const open = this.calls.live.map((one) => one.view()).sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
    if (!ended) return open.slice(0, limit);
    const lately = this.calls.ended(limit);
    const known = new Set([...open, ...lately].map(({ id }) => id));
    const past = (await this.#table.lately(limit)).filter(({ id }) => !known.has(id)).map((one) => this.#pastView(one));
    const newestFirst = [...lately, ...past].sort((a, b) => ((a.endedAt ?? '') > (b.endedAt ?? '') ? -1 : 1));
    return [...open, ...newestFirst].slice(0, limit);
  }

  async decisions(
    ids: readonly string[],
    preparedAt: Readonly<Record<string, string | null>> = {},
  ): Promise<readonly Decision[]> {
    const [known, keptSince] = [await this.#table.look(ids), await this.#table.keptSinceMs()];
    const open = new Map(this.calls.live.map((one) => [one.id, one]));
    return ids.map((id): Decision => {
      const kept = known.get(id);
      if (kept) {
        const { decision, decidedAt, decidedBy } = kept;
        // Written for somebody who asked: whose it was nobody knows.
        const nobodys = decision === 'abort' && kept.xid === id;
        return { id, decision, decidedAt, decidedBy, xid: nobodys ? null : kept.xid };
      }
      const live = open.get(id);
      const prepared = preparedAt[id] ? Date.parse(preparedAt[id]) : null;
      const outcome = outcomeOf(null, live !== undefined, prepared, keptSince);
      const decision = live?.decision === 'commit' ? 'commit' : outcome === 'wait' ? 'active' : outcome;
      const { decidedAt = null, startedBy: decidedBy = null, xid = null } = live ?? {};
      return { id, decision, decidedAt, decidedBy, xid };
    });
  }

  stats(): XaStats {
    const { since, started, committed, rolledBack, onePhase, heuristic, timedOut, prepare, decide, commit, total } =
      this.#counters;
    const live = this.calls.live;
    const resolvedByJanitor = this.options.resolved() + this.#resolvedOutside;
    const states = { active: 0, prepared: 0, unfinished: 0 };
    for (const { state } of live) {
      if (state === 'prepared') states.prepared++;
      else if (state === 'committing') states.unfinished++;
      else states.active++;
    }
    const latencies = {
      prepare: prepare.quantiles(),
      decide: decide.quantiles(),
      commit: commit.quantiles(),
      total: total.quantiles(),
    };
    return {
      since,
      started,
      committed,
      rolledBack,
      onePhase,
      heuristic,
      timedOut,
      resolvedByJanitor,
      ...states,
      latencies,
    };
  }

  managerViews(): Promise<XaRequests['xa.managers']['result']> {
    return this.managers.views((name) => this.#openBranches(name));
  }

  async removeManager({
    name,
    force,
    requester,
  }: XaRequests['xa.manager.remove']['params']): Promise<XaRequests['xa.manager.remove']['result']> {
    const unfinished = (await this.#table.unfinished(10_000)).filter(
      ({ branches, heuristic }) => heuristic === null && branches.some((one) => one.resourceManager === name),
    );
    const open = Math.max(this.#openBranches(name), unfinished.length);
    if (open > 0 && !force) {
      throw new ClusterError('CONFLICT', `${name} holds branches of ${open} transactions that have not ended.`, {
        reasons: [
          {
            rule: 'no-open-branches',
            measured: String(open),
            limit: '0',
            remedy:
              'End them first; where the server is gone for good an administrator removes it with force, which gives them up.',
          },
        ],
      });
    }
    const givenUp = open > 0 ? await this.#giveUp(name, unfinished, requester) : [];
    return { removed: await this.managers.remove(name), givenUp };
  }

  /** Noted first, so that nobody wonders later; what isn't decided is rolled back. */
  async #giveUp(name: string, unfinished: readonly StoredDecision[], requester: Requester): Promise<readonly string[]> {
    const at = new Date(this.options.means.loop.wallMs()).toISOString();
    for (const { id, xid, branches } of unfinished) {
      for (const { identifier } of branches.filter((one) => one.resourceManager === name)) {
        const end = { identifier, outcome: 'given up', by: requester.by, at, reason: requester.reason };
        await this.#table.noteHeuristic({ id, xid, branches, by: requester.by }, end);
        this.#counters.heuristic++;
      }
    }
    return [...new Set([...unfinished.map(({ xid }) => xid), ...(await this.calls.giveUp(name))])];
  }

  async preparedOutside(): Promise<XaRequests['xa.prepared.outside']['result']> {
    const prepared: PreparedTransaction[] = [];
    const missing: string[] = [];
    await Promise.all(
      (await this.managers.outside()).map(async (manager) => {
        try {
          prepared.push(...(await manager.prepared()));
        } catch {
          missing.push(manager.name);
        }
      }),
    );
    return { prepared, missing: missing.sort() };
  }

  /** An administrator's act: noted before it is done, so that nobody wonders later why branches differ. */
  async endBranch(
    name: string,
    identifier: string,
    outcome: 'commit' | 'rollback',
    requester: Requester,
  ): Promise<Decision> {
    const manager = await this.managers.find(name);
    const found = (await manager.prepared()).find((one) => one.identifier === identifier);
    if (!found) throw new ClusterError('NOT_FOUND', `${name} holds no prepared transaction ${identifier}.`);
    if (found.ours === null)
      throw new ClusterError('FORBIDDEN', `${identifier} is not ours: whoever prepared it must end it.`);
    const { id } = found.ours;
    if (this.calls.isLive(id))
      throw new ClusterError(
        'CONFLICT',
        `The transaction of ${identifier} is open: roll it back, which ends all of its branches.`,
      );
    const at = new Date(this.options.means.loop.wallMs()).toISOString();
    const known = (await this.#table.look([id])).get(id);
    const agrees = (known?.decision === 'commit') === (outcome === 'commit');
    if (!agrees) {
      const branch = { resourceManager: name, identifier, mode: 'managed' };
      const decision = {
        id,
        xid: known?.xid ?? id,
        branches: known?.branches.length ? known.branches : [branch],
        by: requester.by,
      };
      await this.#table.noteHeuristic(decision, {
        identifier,
        outcome,
        by: requester.by,
        at,
        reason: requester.reason,
      });
      this.#counters.heuristic++;
    }
    await manager.finish(identifier, outcome === 'commit' ? 'commit' : 'abort');
    return (await this.decisions([id]))[0]!;
  }

  async #resolveOutside(): Promise<void> {
    await Promise.all((await this.managers.outside()).map((manager) => this.#resolveAt(manager)));
  }

  async #resolveAt(manager: ResourceManager): Promise<void> {
    const { loop, logger, config } = this.options.means;
    try {
      const held = await manager.prepared();
      const own = held.flatMap((one) => {
        const { ours } = one;
        return ours !== null && (ours.coordinator ?? config.group) === config.group ? [{ ...one, ours }] : [];
      });
      if (own.length === 0) return;
      const asked = own.map(({ ours, ageMs }) => ({
        id: ours.id,
        preparedAtMs: ageMs === null ? loop.wallMs() : loop.wallMs() - ageMs,
      }));
      const answer = await this.settle({ group: config.group, branches: asked });
      for (const { ours, identifier } of own) {
        const outcome = answer[ours.id];
        if ((outcome === 'commit' || outcome === 'abort') && !this.#beingTold(ours.id)) {
          if ((await manager.finish(identifier, outcome)) === 'done') this.#resolvedOutside++;
        }
      }
    } catch (error) {
      logger.debug(
        { manager: manager.name, error: messageOf(error) },
        'a resource manager outside does not answer; asking again',
      );
    }
  }

  #beingTold(id: string): boolean {
    return this.calls.live.some(
      (one) => one.id === id && Date.parse(one.decidedAt ?? '') > this.options.means.loop.wallMs() - outsideAnswerMs,
    );
  }

  #openBranches(name: string): number {
    return this.calls.live.filter(({ branches }) => branches.some(({ manager }) => manager.name === name)).length;
  }

  #mode(name: string): string | null {
    return (
      (this.options.means.store.localGet(keys.group(name))?.value as unknown as GroupRecord | undefined)?.mode ?? null
    );
  }

  #pastView({
    id,
    xid,
    decision,
    decidedAt,
    decidedBy,
    finishedAt,
    heuristic,
    branches,
  }: StoredDecision): XaTransaction {
    const { group, nodeId: node } = this.options.means.config;
    const state =
      heuristic !== null
        ? 'heuristic'
        : decision === 'abort'
          ? 'rolled_back'
          : finishedAt === null
            ? 'committing'
            : 'committed';
    const reason = heuristic
      ?.map(
        (one) =>
          `${one.identifier} was ended with ${one.outcome} by ${one.by}${one.reason === null ? '' : `: ${one.reason}`}`,
      )
      .join('; ');
    return {
      xid,
      id,
      state,
      coordinator: { group, node },
      decision,
      decidedAt,
      branches: branches.map((branch) => pastBranch(branch, decision, finishedAt)),
      startedAt: decidedAt,
      startedBy: decidedBy,
      endedAt: finishedAt,
      deadlineAt: null,
      reason: reason ?? null,
      warnings: [],
    };
  }
}

function pastBranch(
  { resourceManager, identifier, mode }: StoredDecision['branches'][number],
  decision: 'commit' | 'abort',
  endedAt: string | null,
): BranchView {
  const kind = identifier.startsWith("'") ? 'mariadb' : 'group';
  const state = endedAt === null ? 'prepared' : decision === 'commit' ? 'committed' : 'rolled_back';
  return {
    resourceManager,
    kind,
    mode: mode === 'application' ? 'application' : 'managed',
    state,
    identifier,
    prepareWith: [],
    statements: 0,
    error: null,
    preparedAt: null,
    endedAt,
  };
}

function distinct(branches: readonly { readonly id: string }[]) {
  return [...new Set(branches.map(({ id }) => id))].map((id) => ({ id, xid: null }));
}
