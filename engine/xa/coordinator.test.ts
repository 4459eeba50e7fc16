/** The shell over fakes: who is told what, in which order, and what becomes of a transaction when somebody does not answer. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import { Coordinator } from './coordinator';
import type { BranchName } from './core/identifier';
import type { DecisionTable, NewDecision } from './decision-table';
import type { Statement } from './door';
import type { Managers } from './managers';
import type { BranchSession, ResourceManager } from './resource-manager';
import { XaCounters } from './stats';

const requester = { by: 'user:maria', reason: null, requestId: null, admin: false };
const logger = createLogger('test');
logger.level = 'silent';

class TestLoop implements Loop {
  #now = 0;
  #timers: { at: number; job: () => void }[] = [];
  now = () => this.#now;
  bootMs = () => this.#now;
  wallMs = () => 1_700_000_000_000 + this.#now;
  random = () => 0;
  after(ms: number, job: () => void) {
    const timer = { at: this.#now + ms, job };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
      },
    };
  }
  /** Every timer that is due by then, and whatever follows from each. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.job();
      await settled();
    }
    this.#now = until;
  }
}

/** All that waits for nothing but promises has run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const sqlError = (code: string) => Object.assign(new Error(`failed with ${code}`), { code });

/** One resource manager; `told` is shared by all, so that it shows the order. */
class FakeManager implements ResourceManager {
  readonly kind = 'group';
  prepareAnswer: () => Promise<'prepared' | 'read_only'> = async () => 'prepared';
  executeAnswer: () => Promise<void> = async () => undefined;
  finishAnswer: () => Promise<'done' | 'absent'> = async () => 'done';
  lose: () => void = () => undefined;
  constructor(
    readonly name: string,
    readonly told: string[],
  ) {}
  identifierOf = ({ branch }: BranchName) => `${this.name}-${branch}`;
  prepareWith = () => [];
  isPrepared = async () => true;
  prepared = async () => [];
  check = async () => Promise.reject(new Error('not asked'));
  close = () => undefined;
  async finish(_identifier: string, outcome: 'commit' | 'abort') {
    this.told.push(`${this.name} ${outcome}`);
    return this.finishAnswer();
  }
  async begin(): Promise<BranchSession> {
    const { told, name } = this;
    const callbacks: (() => void)[] = [];
    const session = {
      lost: null as string | null,
      abandoned: false,
      execute: async ({ resourceManager }: Statement) => {
        await this.executeAnswer();
        return { resourceManager, columns: [], rows: [], rowCount: 1, truncated: false };
      },
      prepare: () => {
        told.push(`${name} prepare`);
        return this.prepareAnswer();
      },
      commitOnePhase: async () => void told.push(`${name} commit alone`),
      rollback: async () => void told.push(`${name} rollback`),
      onLost: (callback: () => void) => void callbacks.push(callback),
      abandon: () => {
        session.abandoned = true;
        told.push(`${name} abandoned`);
      },
    };
    this.lose = () => {
      session.lost = 'connection reset';
      for (const callback of callbacks) callback();
    };
    return session;
  }
}

let loop: TestLoop;
let told: string[];
let a: FakeManager;
let b: FakeManager;
let decide: (decision: NewDecision) => Promise<'commit' | 'abort'>;
let settle: () => Promise<'commit' | 'abort'>;
let coordinator: Coordinator;

beforeEach(() => {
  loop = new TestLoop();
  told = [];
  a = new FakeManager('a', told);
  b = new FakeManager('b', told);
  decide = async () => 'commit';
  settle = async () => 'abort';
  const table = {
    commit: (decision: NewDecision) => {
      told.push('decide');
      return decide(decision);
    },
    settle: async ([{ id }]: [{ id: string }]) => {
      told.push('settle');
      return new Map([[id, { decision: await settle() }]]);
    },
    byXid: async () => null,
  } as unknown as DecisionTable;
  const managers = { find: async (name: string) => (name === 'a' ? a : b) } as unknown as Managers;
  coordinator = new Coordinator({
    loop,
    logger,
    group: 'alpha',
    node: 'node-1',
    cluster: '00000000',
    groupMark: '11111111',
    table,
    managers,
    counters: new XaCounters('now'),
    unprotected: () => [],
  });
});

const branches = ['a', 'b'].map((resourceManager) => ({ resourceManager, mode: 'managed' as const }));
const work = ['a', 'b'].map((resourceManager) => ({
  resourceManager,
  statement: 'UPDATE t',
  parameters: [],
  maxRows: 1,
}));
const start = (over: { xid?: string | null; commit?: boolean; timeoutMs?: number } = {}) =>
  coordinator.start({ xid: 'x', branches, timeoutMs: 60_000, work, commit: false, requester, ...over });
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: { details?: { extra?: { xa_code?: string } } }) => error.details?.extra?.xa_code,
  );
const never = () => new Promise<never>(() => undefined);
const state = () => coordinator.find('x')?.state;

describe('the order', () => {
  it('prepares all, decides, and only then tells anybody to commit', async () => {
    const { transaction } = await start({ commit: true });
    expect(told).toEqual(['a prepare', 'b prepare', 'decide', 'a commit', 'b commit']);
    expect(transaction).toMatchObject({ state: 'committed', decision: 'commit' });
  });

  it('tells nobody to commit while the decision is not acknowledged', async () => {
    decide = never;
    void start({ commit: true }).catch(() => undefined);
    await loop.pass(120_000);
    expect(told).toEqual(['a prepare', 'b prepare', 'decide']);
    expect([state(), coordinator.isLive(coordinator.find('x')!.id)]).toEqual(['deciding', true]);
  });

  it('rolls back what somebody had settled as aborted', async () => {
    decide = async () => 'abort';
    expect(await code(start({ commit: true }))).toBe('XA_RBROLLBACK');
    expect(told.slice(3)).toEqual(['a abort', 'b abort']);
    expect(state()).toBe('rolled_back');
  });

  it.each(['commit', 'abort'] as const)('asks what became of a decision whose answer was lost: %s', async (outcome) => {
    decide = () => Promise.reject(new Error('connection lost'));
    settle = async () => outcome;
    await start({ commit: true }).catch(() => undefined);
    expect(told.slice(2)).toEqual(['decide', 'settle', `a ${outcome}`, `b ${outcome}`]);
  });

  it('commits one managed branch alone without a decision', async () => {
    const { transaction } = await coordinator.start({
      xid: 'x',
      branches: [branches[0]!],
      timeoutMs: 1_000,
      work: [work[0]!],
      commit: true,
      requester,
    });
    expect([transaction.state, told]).toEqual(['committed', ['a commit alone']]);
  });

  it('tells no branch that changed nothing, and decides nothing where none did', async () => {
    a.prepareAnswer = async () => 'read_only';
    await start({ commit: true });
    expect(told).toEqual(['a prepare', 'b prepare', 'decide', 'b commit']);
    told.length = 0;
    b.prepareAnswer = async () => 'read_only';
    expect((await start({ xid: 'y', commit: true })).transaction.state).toBe('committed');
    expect(told).toEqual(['a prepare', 'b prepare']);
  });
});

describe('what goes wrong', () => {
  it('rolls every branch back when one is not prepared, in the standard’s code', async () => {
    b.prepareAnswer = () => Promise.reject(sqlError('23505'));
    expect(await code(start({ commit: true }))).toBe('XA_RBINTEGRITY');
    expect(told).toEqual(['a prepare', 'b prepare', 'b abandoned', 'a abort', 'b abort']);
  });

  it('rolls back at the deadline what hangs in its prepare', async () => {
    b.prepareAnswer = never;
    void start({ commit: true, timeoutMs: 5_000 }).catch(() => undefined);
    await loop.pass(4_000);
    expect(state()).toBe('preparing');
    await loop.pass(2_000);
    expect(told.slice(2)).toEqual(['b abandoned', 'a abort', 'b abort']);
    expect(await code(coordinator.commit('x', true))).toBe('XA_RBTIMEOUT');
  });

  it('can be rolled back while a statement hangs', async () => {
    await start();
    a.executeAnswer = never;
    void coordinator.execute('x', [work[0]!]).catch(() => undefined);
    await settled();
    expect((await coordinator.rollback('x')).state).toBe('rolled_back');
    expect(told).toContain('a abandoned');
  });

  it('only rolls back once a session is lost', async () => {
    await start();
    a.lose();
    expect(await code(coordinator.execute('x', work))).toBe('XA_RBCOMMFAIL');
    expect((await coordinator.rollback('x')).state).toBe('rolled_back');
  });

  it('answers after a while though a branch is not told yet, and goes on telling it', async () => {
    b.finishAnswer = () => Promise.reject(new Error('no primary'));
    const answer = start({ commit: true });
    await loop.pass(6_000);
    expect((await answer).transaction).toMatchObject({ state: 'committing', decision: 'commit' });
    b.finishAnswer = async () => 'done';
    await loop.pass(30_000);
    expect(state()).toBe('committed');
    expect(await code(coordinator.rollback('x'))).toBe('XAER_PROTO');
  });

  it('ends as heuristic where a resource manager is given up after the decision, and rolls back before it', async () => {
    b.finishAnswer = () => Promise.reject(new Error('gone'));
    const answer = start({ commit: true });
    await loop.pass(6_000);
    await answer;
    await start({ xid: 'y' });
    expect(await coordinator.giveUp('b')).toEqual(['y', 'x']);
    await loop.pass(30_000);
    expect([state(), coordinator.find('y')!.state]).toEqual(['heuristic', 'rolled_back']);
    expect(await code(coordinator.commit('x', true))).toBe('XA_HEURHAZ');
  });

  it('lets one of two with the same XID begin', async () => {
    expect([await code(start()), await code(start())].filter((one) => one !== null)).toEqual(['XAER_DUPID']);
    const both = await Promise.all([code(start({ xid: 'y' })), code(start({ xid: 'y' }))]);
    expect(both.filter((one) => one === null)).toHaveLength(1);
  });

  it('abandons everything that is not decided when it stops', async () => {
    await start();
    coordinator.stop();
    expect(told).toEqual(['a abandoned', 'b abandoned']);
    expect(coordinator.find('x')).toBeNull();
  });
});
