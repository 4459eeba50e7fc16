/**
 * The coordinator: global transactions of which nothing is decided live here, in memory; what is decided is in the table. Calls of one transaction never
 * overlap. Invariant: a branch is told to commit only after `DecisionTable` answered `commit` for its transaction (SPEC.md).
 */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../kernel/errors';
import type { GroupName, NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import { withTimeout } from '../kernel/waiting';
import { sqlState } from '../postgres/connection';
import type { Requester } from '../runtime/engine-api';
import { isoNow, prepareBranch, rollBackBranch, secondPhaseWaitMs, tellBranch } from './branch-ends';
import { admit, type Call, rollbackCode, type XaCode } from './core/calls';
import type { BranchName } from './core/identifier';
import { parseXid, xidText } from './core/xid';
import type { DecidedBranch, DecisionTable, NewDecision } from './decision-table';
import type { BranchMode, Statement, StatementResult, XaRequests, XaTransaction } from './door';
import type { Managers } from './managers';
import { xaError } from './resource-manager';
import type { XaCounters } from './stats';
import { type Branch, Transaction } from './transaction';

const liveMost = 1_000;
const branchesMost = 32;
const endedKept = 2_000;
const settleRetryMs = 500;

export type CoordinatorOptions = {
  readonly loop: Loop;
  readonly logger: Logger;
  readonly group: GroupName;
  readonly node: NodeId;
  readonly cluster: string;
  readonly groupMark: string;
  readonly table: DecisionTable;
  readonly managers: Managers;
  readonly counters: XaCounters;
  /** Groups among these whose commits don't wait for a standby. */
  readonly unprotected: (names: readonly string[]) => readonly string[];
};

type StartParams = XaRequests['xa.start']['params'];
type Asked = StartParams['branches'][number];

export class Coordinator {
  readonly #live = new Map<string, Transaction>();
  readonly #byId = new Map<string, Transaction>();
  /** Decided, with branches that have not been told. */
  readonly #unfinished = new Map<string, Transaction>();
  readonly #ended = new Map<string, Transaction>();
  readonly #finishedIds = new Set<string>();
  #stopped = false;

  constructor(private readonly options: CoordinatorOptions) {}

  get live(): readonly Transaction[] {
    return [...this.#live.values(), ...this.#unfinished.values()];
  }

  ended(limit: number): readonly XaTransaction[] {
    return [...this.#ended.values()]
      .slice(-limit)
      .reverse()
      .map((one) => one.view());
  }

  /** Undecided in memory: nobody else may settle it. */
  isLive(id: string): boolean {
    return this.#byId.has(id);
  }

  find(xid: string): Transaction | null {
    const name = canonical(xid);
    return this.#live.get(name) ?? this.#unfinished.get(name) ?? this.#ended.get(name) ?? null;
  }

  async start({
    xid,
    branches,
    timeoutMs,
    work,
    commit,
    requester,
  }: StartParams): Promise<XaRequests['xa.start']['result']> {
    const transaction = await this.#open(xid, branches, timeoutMs, requester);
    try {
      const results = await this.#working(transaction, () => this.#execute(transaction, work));
      if (!commit) return { transaction: transaction.view(), results };
      this.#admit(transaction, 'end');
      transaction.state = 'idle';
      return { transaction: await this.commit(transaction.xid, true), results };
    } catch (error) {
      // One call for everything leaves nothing open behind it.
      if (commit && !transaction.over) await this.#rollBack(transaction, messageOf(error)).catch(() => undefined);
      throw error;
    }
  }

  async execute(xid: string, work: readonly Statement[]): Promise<XaRequests['xa.execute']['result']> {
    const transaction = this.#known(xid);
    this.#admit(transaction, 'execute');
    const results = await this.#working(transaction, () => this.#execute(transaction, work));
    return { transaction: transaction.view(), results };
  }

  async end(xid: string, flag: XaRequests['xa.end']['params']['flag']): Promise<XaTransaction> {
    const transaction = this.#known(xid);
    if (flag !== 'success' && flag !== 'fail')
      throw xaError(
        'XAER_INVAL',
        `PostgreSQL binds a transaction to its session until it is prepared: a branch can't be suspended, joined or resumed (${flag}).`,
      );
    if (this.#admit(transaction, 'end') === 'repeat') return transaction.view();
    transaction.state = flag === 'success' ? 'idle' : 'rollback_only';
    if (flag === 'fail') transaction.reason = 'ended with fail';
    return transaction.view();
  }

  async prepare(xid: string): Promise<XaTransaction> {
    const transaction = this.#known(xid);
    if (this.#admit(transaction, 'prepare') === 'repeat') return transaction.view();
    return this.#working(transaction, async () => {
      await this.#prepare(transaction);
      return transaction.view();
    });
  }

  async commit(xid: string, onePhase: boolean): Promise<XaTransaction> {
    const transaction = this.#known(xid);
    if (this.#admit(transaction, onePhase ? 'commit-one-phase' : 'commit') === 'repeat') return transaction.view();
    return this.#working(transaction, async () => {
      const [only] = transaction.branches;
      if (onePhase && transaction.branches.length === 1 && only!.session !== null)
        return this.#commitAlone(transaction, only!);
      if (onePhase) await this.#prepare(transaction);
      return this.#decide(transaction);
    });
  }

  async rollback(xid: string): Promise<XaTransaction> {
    const transaction = this.#known(xid);
    if (this.#admit(transaction, 'rollback') === 'repeat') return transaction.view();
    return this.#working(transaction, async () => {
      await this.#rollBack(transaction, transaction.reason ?? 'rolled back by its caller');
      return transaction.view();
    });
  }

  async forget(xid: string): Promise<XaTransaction> {
    const transaction = this.#known(xid);
    this.#admit(transaction, 'forget');
    await this.options.table.forget(transaction.id);
    this.#ended.delete(transaction.xid);
    return transaction.view();
  }

  /** A resource manager that is gone for good: nobody is told there any more, and what is undecided rolls back. Answers the XIDs. */
  async giveUp(manager: string): Promise<readonly string[]> {
    const touched: string[] = [];
    for (const transaction of this.live) {
      const branch = transaction.branches.find((one) => one.manager.name === manager);
      if (!branch || branch.state === 'committed') continue;
      touched.push(transaction.xid);
      if (transaction.decision === 'commit') {
        branch.state = 'unknown';
        transaction.reason = `${manager} was removed before it was told to commit`;
      } else if (transaction.state !== 'deciding') await this.#rollBack(transaction, `${manager} was removed`);
    }
    return touched;
  }

  /** Rows that were decided by an earlier coordinator, or whose second phase did not end: told again. */
  async finishLeftOver(): Promise<void> {
    const { table, loop } = this.options;
    for (const row of await table.unfinished(500)) {
      if (
        this.#stopped ||
        this.#unfinished.has(row.xid) ||
        this.#byId.has(row.id) ||
        this.#finishedIds.has(row.id) ||
        row.heuristic !== null
      )
        continue;
      // Read from the table: on the standbys first, then acted on.
      const settled = (await table.settle([{ id: row.id, xid: row.xid }])).get(row.id);
      if (settled?.decision !== 'commit') continue;
      const transaction = new Transaction(row.id, row.xid, this.#self, row.decidedAt, loop.now(), row.decidedBy);
      transaction.branches = await Promise.all(row.branches.map((branch) => this.#leftOver(branch)));
      transaction.decision = 'commit';
      transaction.decidedAt = row.decidedAt;
      transaction.state = 'committing';
      this.#unfinished.set(transaction.xid, transaction);
      void this.#tellAll(transaction);
    }
  }

  /** Noted together, and by nobody waited for: a row that isn't noted is only told again. */
  async noteFinished(): Promise<void> {
    const ids = [...this.#finishedIds];
    await this.options.table.finished(ids);
    for (const id of ids) this.#finishedIds.delete(id);
  }

  /** The lease is somebody else's, or the process ends: what isn't decided is aborted by whoever asks next. */
  stop(): void {
    this.#stopped = true;
    for (const transaction of this.#live.values()) {
      transaction.deadline?.cancel();
      for (const { session } of transaction.branches) session?.abandon();
    }
    this.#live.clear();
    this.#byId.clear();
    this.#unfinished.clear();
  }

  get #self(): XaTransaction['coordinator'] {
    return { group: this.options.group, node: this.options.node };
  }

  async #open(
    asked: string | null,
    branches: readonly Asked[],
    timeoutMs: number,
    requester: Requester,
  ): Promise<Transaction> {
    const { loop, table, counters } = this.options;
    if (this.#live.size >= liveMost)
      throw xaError('XAER_RMERR', `${liveMost} transactions are open already; end some of them, or try again later.`);
    if (branches.length === 0 || branches.length > branchesMost)
      throw xaError('XAER_INVAL', `A transaction has 1 to ${branchesMost} branches.`);
    const id = randomBytes(16).toString('hex');
    const xid = asked === null ? id : canonical(asked);
    if (new Set(branches.map(({ resourceManager }) => resourceManager)).size < branches.length)
      throw xaError('XAER_INVAL', 'Each resource manager has one branch of a transaction.');
    const transaction = new Transaction(id, xid, this.#self, isoNow(loop), loop.now(), requester.by);
    if (this.find(xid) !== null) throw this.#duplicate(xid);
    // Taken before anything is waited for: two calls with one XID never both begin.
    this.#live.set(xid, transaction);
    this.#byId.set(id, transaction);
    try {
      if (asked !== null && (await table.byXid(xid)) !== null) throw this.#duplicate(xid);
      transaction.branches = await this.#begin(id, branches);
      for (const branch of transaction.branches) {
        branch.session?.onLost(() => this.#sessionLost(transaction, branch));
        if (branch.session !== null && branch.session.lost !== null) this.#sessionLost(transaction, branch);
      }
    } catch (error) {
      this.#drop(transaction);
      throw error;
    }
    transaction.deadlineAt = new Date(loop.wallMs() + timeoutMs).toISOString();
    transaction.deadline = loop.after(timeoutMs, () => void this.#timeOut(transaction), 'background');
    const unprotected = this.options.unprotected(branches.map(({ resourceManager }) => resourceManager));
    if (unprotected.length > 0)
      transaction.warnings.push(
        `Commits of ${unprotected.join(', ')} wait for no standby: a failover there can lose this transaction's part.`,
      );
    counters.started++;
    return transaction;
  }

  #duplicate(xid: string) {
    const state = this.find(xid)?.state ?? 'ended';
    return xaError('XAER_DUPID', `${xid} is ${state} already; each transaction has an XID of its own.`, {
      extra: { state },
    });
  }

  async #begin(id: string, asked: readonly Asked[]): Promise<Branch[]> {
    const begun = await Promise.allSettled(
      asked.map(async ({ resourceManager, mode }, index) => {
        const manager = await this.options.managers.find(resourceManager);
        const identifier = manager.identifierOf(this.#branchName(id, index));
        return newBranch(manager, mode, identifier, mode === 'managed' ? await manager.begin(identifier) : null);
      }),
    );
    const failed = begun.find((one) => one.status === 'rejected');
    if (!failed) return begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const one of begun) if (one.status === 'fulfilled') one.value.session?.abandon();
    throw failed.reason;
  }

  #branchName(transaction: string, branch: number): BranchName {
    const { cluster, group, groupMark } = this.options;
    return { cluster, group, groupMark, transaction, branch };
  }

  /** Of one resource manager in order, of several at the same time. Results in the order of the statements. */
  async #execute(transaction: Transaction, work: readonly Statement[]): Promise<readonly StatementResult[]> {
    const results: StatementResult[] = [];
    const perBranch = new Map<Branch, number[]>();
    for (const [index, { resourceManager }] of work.entries()) {
      const branch = transaction.branches.find(({ manager }) => manager.name === resourceManager);
      if (!branch) throw xaError('XAER_INVAL', `${transaction.xid} has no branch on ${resourceManager}.`);
      if (branch.session === null)
        throw xaError(
          'XAER_PROTO',
          `The branch on ${resourceManager} is the application's own: it runs its statements itself.`,
        );
      perBranch.set(branch, [...(perBranch.get(branch) ?? []), index]);
    }
    transaction.executing++;
    const ran = await Promise.allSettled(
      [...perBranch].map(async ([branch, indices]) => {
        for (const index of indices) {
          results[index] = await branch.session!.execute(work[index]!).catch((error: unknown) => {
            branch.error = messageOf(error);
            throw error;
          });
          branch.statements++;
        }
      }),
    );
    transaction.executing--;
    const failed = ran.find((one) => one.status === 'rejected');
    if (failed) throw this.#statementFailed(transaction, failed.reason);
    return results;
  }

  /** A refused statement changes nothing; one that the server refused has ended its branch. */
  #statementFailed(transaction: Transaction, error: unknown) {
    if (extraCode(error) === 'XAER_INVAL') return error;
    if (transaction.decision === 'abort')
      return xaError(transaction.code, `${transaction.xid} was rolled back: ${transaction.reason}.`);
    this.#mustRollBack(
      transaction,
      (extraCode(error) as XaCode | null) ?? rollbackCode(sqlState(error)),
      messageOf(error),
    );
    return xaError(transaction.code, `${messageOf(error)}; ${transaction.xid} can only be rolled back now.`, {
      extra: { sqlstate: sqlState(error) ?? null },
    });
  }

  #mustRollBack(transaction: Transaction, code: XaCode, reason: string): void {
    if (transaction.state !== 'active' && transaction.state !== 'idle') return;
    transaction.state = 'rollback_only';
    transaction.code = code;
    transaction.reason = reason;
  }

  #sessionLost(transaction: Transaction, branch: Branch): void {
    branch.error = branch.session?.lost ?? 'the session was lost';
    this.#mustRollBack(
      transaction,
      'XA_RBCOMMFAIL',
      `the session with ${branch.manager.name} was lost: ${branch.error}`,
    );
  }

  async #prepare(transaction: Transaction): Promise<void> {
    const { loop, counters } = this.options;
    const from = loop.now();
    transaction.state = 'preparing';
    const answers = await Promise.allSettled(
      transaction.branches.map((branch) => prepareBranch(branch, this.options.loop)),
    );
    counters.prepare.add(loop.now() - from);
    // Its deadline may have passed meanwhile.
    if (transaction.state !== 'preparing')
      throw xaError(transaction.code, `${transaction.xid} was rolled back: ${transaction.reason}`);
    const failed = answers.find((one) => one.status === 'rejected');
    if (!failed) {
      transaction.state = 'prepared';
      return;
    }
    const code = (extraCode(failed.reason) as XaCode | null) ?? rollbackCode(sqlState(failed.reason));
    transaction.code = code.startsWith('XA_') ? code : 'XA_RBCOMMFAIL';
    const why = messageOf(failed.reason);
    await this.#rollBack(transaction, why);
    throw xaError(
      transaction.code,
      `${transaction.xid} was rolled back, because a branch could not be prepared: ${why}`,
    );
  }

  /** One managed branch alone needs no second phase. */
  async #commitAlone(transaction: Transaction, branch: Branch): Promise<XaTransaction> {
    const { counters, loop } = this.options;
    transaction.state = 'deciding';
    transaction.deadline?.cancel();
    try {
      await branch.session!.commitOnePhase();
    } catch (error) {
      const lost = sqlState(error) === undefined && extraCode(error) === null;
      branch.error = messageOf(error);
      if (!lost) {
        transaction.code = (extraCode(error) as XaCode | null) ?? rollbackCode(sqlState(error));
        transaction.state = 'rollback_only';
        await this.#rollBack(transaction, messageOf(error));
        throw xaError(transaction.code, `${transaction.xid} was rolled back: ${messageOf(error)}`);
      }
      branch.state = 'unknown';
      counters.heuristic++;
      this.#finish(transaction, 'heuristic');
      transaction.reason = `the session with ${branch.manager.name} was lost while it committed in one phase: look at its rows`;
      throw xaError('XA_HEURHAZ', `${transaction.xid}: ${transaction.reason}.`);
    }
    counters.onePhase++;
    branch.session = null;
    branch.state = 'committed';
    branch.endedAt = isoNow(loop);
    transaction.decision = 'commit';
    transaction.decidedAt = branch.endedAt;
    this.#finish(transaction, 'committed');
    return transaction.view();
  }

  async #decide(transaction: Transaction): Promise<XaTransaction> {
    const { loop, counters } = this.options;
    if (transaction.branches.every(({ state }) => state === 'read_only')) {
      transaction.decision = 'commit';
      this.#finish(transaction, 'committed');
      return transaction.view();
    }
    transaction.state = 'deciding';
    transaction.deadline?.cancel();
    const from = loop.now();
    const decided = await this.#decided(transaction);
    counters.decide.add(loop.now() - from);
    transaction.decidedAt = isoNow(loop);
    if (decided === 'abort') {
      await this.#rollBack(transaction, 'somebody had settled it as aborted before it was decided');
      throw xaError(transaction.code, `${transaction.xid} was rolled back: ${transaction.reason}.`);
    }
    transaction.decision = 'commit';
    transaction.state = 'committing';
    this.#live.delete(transaction.xid);
    this.#byId.delete(transaction.id);
    this.#unfinished.set(transaction.xid, transaction);
    const told = this.#tellAll(transaction);
    await withTimeout(loop, told, secondPhaseWaitMs, 'the second phase').catch(() => undefined);
    counters.total.add(loop.now() - transaction.startedAtMs);
    return transaction.view();
  }

  /** Until it is known: the statement may have been written though its answer was lost. */
  async #decided(transaction: Transaction): Promise<'commit' | 'abort'> {
    const { table, loop, logger } = this.options;
    try {
      return await table.commit(decisionOf(transaction));
    } catch (error) {
      logger.warn(
        { xid: transaction.xid, error: messageOf(error) },
        'a decision was not acknowledged: asking what became of it',
      );
    }
    for (;;) {
      if (this.#stopped)
        throw xaError('XAER_RMFAIL', `Whether ${transaction.xid} is committed is not known here any more: ask again.`);
      const settled = await table.settle([{ id: transaction.id, xid: transaction.xid }]).catch(() => null);
      const found = settled?.get(transaction.id);
      if (found) return found.decision;
      await new Promise<void>((resolve) => loop.after(settleRetryMs, resolve, 'background'));
    }
  }

  /** Second phase. Each branch is told until it has answered; the answer to the caller does not wait for ever. */
  async #tellAll(transaction: Transaction): Promise<void> {
    const { loop, counters } = this.options;
    const from = loop.now();
    await Promise.all(
      transaction.branches.map((branch) =>
        tellBranch(transaction, branch, { ...this.options, stopped: () => this.#stopped }),
      ),
    );
    if (this.#stopped) return;
    counters.commit.add(loop.now() - from);
    this.#unfinished.delete(transaction.xid);
    if (transaction.branches.some(({ state }) => state === 'unknown')) return this.#finish(transaction, 'heuristic');
    this.#finishedIds.add(transaction.id);
    this.#finish(transaction, 'committed');
  }

  /** No row says `commit`, and none ever will: a branch that can't be told now is asked about by its resolver. */
  async #rollBack(transaction: Transaction, reason: string): Promise<void> {
    const { loop } = this.options;
    const mayBePrepared = ['preparing', 'prepared', 'deciding'].includes(transaction.state);
    transaction.state = 'rolling_back';
    transaction.reason = reason;
    transaction.decision = 'abort';
    transaction.decidedAt ??= isoNow(loop);
    transaction.deadline?.cancel();
    // A statement that hangs would keep the rollback waiting behind it.
    if (transaction.executing > 0 || mayBePrepared) for (const { session } of transaction.branches) session?.abandon();
    await Promise.all(transaction.branches.map((branch) => rollBackBranch(branch, mayBePrepared, this.options)));
    this.#finish(transaction, 'rolled_back');
  }

  async #timeOut(transaction: Transaction): Promise<void> {
    if (!transaction.undecided || transaction.state === 'deciding' || this.#stopped) return;
    this.options.counters.timedOut++;
    transaction.code = 'XA_RBTIMEOUT';
    await this.#rollBack(transaction, 'it was not decided before its deadline').catch(() => undefined);
  }

  #finish(transaction: Transaction, state: 'committed' | 'rolled_back' | 'heuristic'): void {
    const { counters, loop } = this.options;
    if (state === 'committed') counters.committed++;
    if (state === 'rolled_back') counters.rolledBack++;
    transaction.state = state;
    transaction.endedAt = isoNow(loop);
    transaction.deadlineAt = null;
    if (state === 'committed') transaction.reason = null;
    for (const branch of transaction.branches)
      if (state === 'committed' && branch.endedAt === null) branch.endedAt = transaction.endedAt;
    this.#drop(transaction);
    this.#ended.set(transaction.xid, transaction);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > endedKept && oldest !== undefined) this.#ended.delete(oldest);
  }

  #drop(transaction: Transaction): void {
    transaction.deadline?.cancel();
    this.#live.delete(transaction.xid);
    this.#byId.delete(transaction.id);
  }

  async #leftOver({ resourceManager, identifier, mode }: DecidedBranch): Promise<Branch> {
    const manager = await this.options.managers.find(resourceManager);
    return { ...newBranch(manager, mode as BranchMode, identifier, null), state: 'prepared' };
  }

  #known(xid: string): Transaction {
    const found = this.find(xid);
    if (found) return found;
    throw xaError(
      'XAER_NOTA',
      `No transaction ${xid} is known here: if it ever was, it ended long ago, or its coordinator failed before it was decided, and it was rolled back.`,
    );
  }

  #admit(transaction: Transaction, call: Call): 'go' | 'repeat' {
    const admission = admit(transaction.state, call);
    if (admission.kind === 'refuse') {
      const code = admission.code === 'XA_RBROLLBACK' ? transaction.code : admission.code;
      const why = transaction.reason === null || admission.code === 'XAER_PROTO' ? '' : ` (${transaction.reason})`;
      throw xaError(code, `${transaction.xid}: ${admission.why}${why}.`, { extra: { state: transaction.state } });
    }
    if (admission.kind === 'go' && transaction.busy !== null && call !== 'rollback')
      throw xaError('XAER_PROTO', `Another call of ${transaction.xid} is at work.`, {
        extra: { state: transaction.state },
      });
    return admission.kind;
  }

  async #working<T>(transaction: Transaction, job: () => Promise<T>): Promise<T> {
    const running = job();
    transaction.busy = running;
    try {
      return await running;
    } finally {
      transaction.busy = null;
    }
  }
}

function canonical(text: string): string {
  const xid = parseXid(text);
  if (xid === null)
    throw xaError(
      'XAER_INVAL',
      `${text} is no XID: gtrid, formatID:gtrid or formatID:gtrid:bqual, each part up to 64 letters, digits or . _ ~ + = @ -`,
    );
  return xidText(xid);
}

function newBranch(
  manager: Branch['manager'],
  mode: BranchMode,
  identifier: string,
  session: Branch['session'],
): Branch {
  return {
    manager,
    mode,
    identifier,
    session,
    state: 'active',
    statements: 0,
    error: null,
    preparedAt: null,
    endedAt: null,
  };
}

function decisionOf({ id, xid, branches, startedBy }: Transaction): NewDecision {
  const decided = branches
    .filter(({ state }) => state !== 'read_only')
    .map(({ manager, identifier, mode }) => ({ resourceManager: manager.name, identifier, mode }));
  return { id, xid, branches: decided, by: startedBy };
}

function extraCode(error: unknown): string | null {
  const extra = (error as { details?: { extra?: { xa_code?: string } } } | null)?.details?.extra;
  return extra?.xa_code ?? null;
}
