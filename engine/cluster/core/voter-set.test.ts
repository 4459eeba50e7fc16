import { describe, expect, it } from 'vitest';
import type { CommitMode, GroupRecord } from '../model';
import {
  closedSet,
  failSafeMembers,
  nextVoterSetAction,
  promisesNeeded,
  quorumsIntersect,
  type StandbyObservation,
  sameSet,
  type VoterSet,
  type VoterSetAction,
  type VoterSetInput,
  voterSetAfterPromotion,
  withoutLostVoter,
} from './voter-set';

const nodes: readonly string[] = ['b', 'c', 'd'];
const none: VoterSet = { members: [], k: 0 };
const set = (text: string, k: number): VoterSet => ({ members: [...text], k });
const standby = (node: string, change: Partial<StandbyObservation> = {}): StandbyObservation => ({
  node,
  streaming: true,
  flushLsn: 100n,
  silentMs: 0,
  excluded: false,
  ...change,
});
function input(
  change: Partial<Omit<VoterSetInput, 'record'>> & { store?: VoterSet; promotable?: 'voters' | 'none' },
): VoterSetInput {
  const { store, promotable, ...rest } = change;
  return {
    mode: 'semi_synchronous',
    onNoStandby: 'degrade',
    leaseMs: 2000,
    record: { ...(store ?? set('b', 1)), promotable: promotable ?? 'voters' },
    postgres: set('b', 1),
    standbys: [standby('b')],
    currentLsn: 100n,
    barrier: null,
    ...rest,
  };
}
function brief(action: VoterSetAction): string {
  const show = (one: VoterSet) => `${one.k}(${one.members.join('')})`;
  if (action.kind === 'write-store') {
    return `store ${show(action.voterSet)} ${action.promotable}${action.mode ? ` ${action.mode}` : ''}`;
  }
  if (action.kind === 'set-postgres') return `postgres ${show(action.voterSet)}`;
  if (action.kind === 'wait') return action.blocked ? 'blocked' : 'wait';
  return action.kind;
}

describe('next voter set action', () => {
  const gone = { silentMs: 2001, streaming: false };
  it.each<[string, Parameters<typeof input>[0], string]>([
    ['nothing to do', {}, 'settled'],
    ['unknown setting', { postgres: null }, 'wait'],
    ['frozen by an operation', { frozen: true, standbys: [] }, 'wait'],
    [
      'who says that it flushed more than there is does not join',
      { standbys: [standby('b'), standby('c', { flushLsn: 101n })] },
      'settled',
    ],
    [
      'nor stay',
      { store: set('bc', 1), postgres: set('bc', 1), standbys: [standby('b'), standby('c', { flushLsn: 101n })] },
      'postgres 1(b)',
    ],
    [
      'nor brings a degraded group back',
      { store: none, promotable: 'none', postgres: none, standbys: [standby('b', { flushLsn: 101n })] },
      'settled',
    ],
    ['a list that nobody is on covers the set: the wanted one follows', { postgres: closedSet }, 'postgres 1(b)'],
    [
      'and is emptied when no standby is left',
      { store: none, promotable: 'none', postgres: closedSet, standbys: [] },
      'postgres 0()',
    ],
    ['a list set by hand does not cover it', { postgres: set('x', 1) }, 'store 1(b) none'],
    ['add: store first', { standbys: [standby('b'), standby('c')] }, 'store 1(bc) voters'],
    ['add: then PostgreSQL', { store: set('bc', 1), standbys: [standby('b'), standby('c')] }, 'postgres 1(bc)'],
    [
      'add: not while it is far behind',
      { standbys: [standby('b'), standby('c', { flushLsn: 0n })], currentLsn: 1n << 30n },
      'settled',
    ],
    ['add: not while excluded', { standbys: [standby('b'), standby('c', { excluded: true })] }, 'settled'],
    [
      'a silent voter within the lease stays',
      { standbys: [standby('b', { silentMs: 2000, streaming: false })] },
      'settled',
    ],
    [
      'remove: PostgreSQL first',
      { store: set('bc', 1), postgres: set('bc', 1), standbys: [standby('b'), standby('c', gone)] },
      'postgres 1(b)',
    ],
    ['remove: then a barrier', { store: set('bc', 1), standbys: [standby('b'), standby('c', gone)] }, 'take-barrier'],
    [
      'remove: a barrier of another setting does not count',
      {
        store: set('bc', 1),
        barrier: { postgres: set('bc', 1), lsn: 1n },
        standbys: [standby('b'), standby('c', gone)],
      },
      'take-barrier',
    ],
    [
      'remove: wait for the flush',
      {
        store: set('bc', 1),
        barrier: { postgres: set('b', 1), lsn: 101n },
        standbys: [standby('b'), standby('c', gone)],
      },
      'wait-for-flush',
    ],
    [
      'remove: at last the store',
      {
        store: set('bc', 1),
        barrier: { postgres: set('b', 1), lsn: 100n },
        standbys: [standby('b'), standby('c', gone)],
      },
      'store 1(b) voters',
    ],
    ['all: add, store keeps k', { mode: 'synchronous', standbys: [standby('b'), standby('c')] }, 'store 1(bc) voters'],
    [
      'all: add, PostgreSQL raises k',
      { mode: 'synchronous', store: set('bc', 1), standbys: [standby('b'), standby('c')] },
      'postgres 2(bc)',
    ],
    [
      'all: raise k in the store after the barrier',
      {
        mode: 'synchronous',
        store: set('bc', 1),
        postgres: set('bc', 2),
        barrier: { postgres: set('bc', 2), lsn: 100n },
        standbys: [standby('b'), standby('c')],
      },
      'store 2(bc) voters',
    ],
    [
      'all: remove, store lowers k first',
      {
        mode: 'synchronous',
        store: set('bc', 2),
        postgres: set('bc', 2),
        standbys: [standby('b'), standby('c', gone)],
      },
      'store 1(bc) voters',
    ],
    [
      'all: remove, then PostgreSQL',
      {
        mode: 'synchronous',
        store: set('bc', 1),
        postgres: set('bc', 2),
        standbys: [standby('b'), standby('c', gone)],
      },
      'postgres 1(b)',
    ],
    [
      'all to one: store first',
      { store: set('bc', 2), postgres: set('bc', 2), standbys: [standby('b'), standby('c')] },
      'store 1(bc) voters',
    ],
    ['degrade: commit none first', { standbys: [standby('b', gone)] }, 'store 1(b) none'],
    ['degrade: then empty the list', { promotable: 'none', standbys: [standby('b', gone)] }, 'postgres 0()'],
    ['degrade: then the set', { promotable: 'none', postgres: none, standbys: [standby('b', gone)] }, 'store 0() none'],
    ['degraded', { promotable: 'none', store: none, postgres: none, standbys: [standby('b', gone)] }, 'settled'],
    [
      'degraded: a far standby does not end it',
      {
        promotable: 'none',
        store: none,
        postgres: none,
        standbys: [standby('b', { flushLsn: 0n })],
        currentLsn: 1n << 30n,
      },
      'settled',
    ],
    ['recover: store', { promotable: 'none', store: none, postgres: none }, 'store 1(b) none'],
    ['recover: PostgreSQL', { promotable: 'none', postgres: none }, 'postgres 1(b)'],
    ['recover: barrier', { promotable: 'none' }, 'take-barrier'],
    [
      'recover: promotable again',
      { promotable: 'none', barrier: { postgres: set('b', 1), lsn: 100n } },
      'store 1(b) voters',
    ],
    ['wait: writes block', { onNoStandby: 'wait', standbys: [standby('b', gone)] }, 'blocked'],
    ['synchronous always waits', { mode: 'synchronous', standbys: [standby('b', gone)] }, 'blocked'],
    [
      'wait without any set: everybody is awaited',
      { mode: 'synchronous', store: none, promotable: 'none', postgres: none, standbys: [standby('b', gone)] },
      'store 1(b) none',
    ],
    [
      'wait in a group of one',
      { mode: 'synchronous', store: none, promotable: 'none', postgres: none, standbys: [] },
      'wait',
    ],
    ['a list that covers less than the set: nobody is promotable first', { postgres: none }, 'store 1(b) none'],
    ['a stranger in the list', { postgres: set('bx', 1) }, 'store 1(b) none'],
    ['towards asynchronous: the store lets go', { mode: 'asynchronous' }, 'store 0() voters'],
    ['towards asynchronous: then PostgreSQL', { mode: 'asynchronous', store: none }, 'postgres 0()'],
    ['from asynchronous: nobody is promotable until proved', { store: none, postgres: none }, 'store 0() none'],
  ])('%s', (_, change, expected) => {
    expect(brief(nextVoterSetAction(input(change)))).toBe(expected);
  });
});

describe('promises and sets', () => {
  it.each([
    [set('', 0), 0],
    [set('b', 1), 1],
    [set('bc', 1), 2],
    [set('bc', 2), 1],
    [set('bcd', 1), 3],
    [set('bcd', 3), 1],
  ])('%j needs %d', (one, needed) => expect(promisesNeeded(one)).toBe(needed));

  it('says the same as trying all promise and acknowledgement quorums', () => {
    for (const members of subsets([...nodes])) {
      for (const names of subsets([...nodes, 'x'])) {
        for (let k = 1; k <= members.length; k++) {
          for (let kp = 1; kp <= names.length; kp++) {
            const all = subsets(members)
              .filter((one) => one.length === members.length - k + 1)
              .every((promised) =>
                subsets(names)
                  .filter((one) => one.length === kp)
                  .every((acked) => acked.some((node) => promised.includes(node))),
              );
            expect(quorumsIntersect({ members, k }, { members: names, k: kp })).toBe(
              names.length > 0 && members.length > 0 && all,
            );
          }
        }
      }
    }
  });

  it.each<[string, Parameters<typeof voterSetAfterPromotion>[0], VoterSet, string]>([
    [
      'those that promised',
      { mode: 'semi_synchronous', onNoStandby: 'degrade', candidate: 'b', promised: ['b', 'c'], others: ['a', 'c'] },
      set('c', 1),
      'voters',
    ],
    [
      'all of them',
      { mode: 'synchronous', onNoStandby: 'wait', candidate: 'b', promised: ['b', 'd', 'c'], others: ['a', 'c', 'd'] },
      set('cd', 2),
      'voters',
    ],
    [
      'nobody: degrade',
      { mode: 'semi_synchronous', onNoStandby: 'degrade', candidate: 'b', promised: ['b'], others: ['a'] },
      none,
      'none',
    ],
    [
      'nobody: wait',
      { mode: 'semi_synchronous', onNoStandby: 'wait', candidate: 'b', promised: ['b'], others: ['a'] },
      set('a', 1),
      'none',
    ],
    [
      'synchronous never degrades',
      { mode: 'synchronous', onNoStandby: 'degrade', candidate: 'b', promised: ['b'], others: ['a'] },
      set('a', 1),
      'none',
    ],
    [
      'asynchronous',
      { mode: 'asynchronous', onNoStandby: 'degrade', candidate: 'b', promised: ['b', 'c'], others: ['a'] },
      none,
      'voters',
    ],
  ])('after a promotion: %s', (_, change, voterSet, promotable) => {
    expect(voterSetAfterPromotion(change)).toEqual({ voterSet, promotable });
  });

  it.each<[VoterSet, 'voters' | 'none', string, string]>([
    [set('bc', 1), 'voters', 'b', '1(bc) none'],
    [set('bc', 2), 'voters', 'b', '1(c) voters'],
    [set('bcd', 3), 'voters', 'd', '2(bc) voters'],
    [set('bc', 1), 'none', 'b', 'nothing'],
    [set('bc', 1), 'voters', 'd', 'nothing'],
  ])('%j %s after the disk of %s is lost', (voterSet, promotable, node, expected) => {
    const next = withoutLostVoter({ voterSet, promotable }, node);
    expect(next === null ? 'nothing' : `${next.voterSet.k}(${next.voterSet.members.join('')}) ${next.promotable}`).toBe(
      expected,
    );
    if (next?.promotable === 'voters') expect(quorumsIntersect(next.voterSet, voterSet)).toBe(true);
  });

  it('a primary without control majority asks its voters, also those of a write it is not sure of; without a set it asks everybody', () => {
    const record = { mode: 'semi_synchronous', promotable: 'voters', voterSet: set('b', 1) } as const;
    expect(failSafeMembers(record, ['b', 'c', 'd'])).toEqual(['b']);
    expect(failSafeMembers(record, ['b', 'c', 'd'], set('bc', 1))).toEqual(['b', 'c']);
    expect(failSafeMembers({ ...record, promotable: 'none' }, ['b', 'c'])).toEqual(['b', 'c']);
    expect(failSafeMembers({ ...record, mode: 'asynchronous' }, ['b', 'c'])).toEqual(['b', 'c']);
    expect(failSafeMembers({ ...record, voterSet: none }, ['b', 'c'])).toEqual(['b', 'c']);
  });
});

function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) all.push(...all.map((one) => [...one, item]));
  return all;
}

/**
 * A naive world: commits are numbered, a standby has a prefix of them, a commit is acknowledged when kp of the list have it. After every event it
 * tries *every* promise quorum of the store's set: its most advanced member must have every acknowledged commit.
 */
class World {
  record: VoterSet & { promotable: GroupRecord['promotable'] } = { ...none, promotable: 'none' };
  postgres: VoterSet = none;
  barrier: VoterSetInput['barrier'] = null;
  mode: CommitMode = 'semi_synchronous';
  primary = 'a';
  has: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
  alive: Record<string, boolean> = { a: true, b: true, c: true, d: true };
  acknowledged = 0;
  epochStart = 0;
  promotions = 0;
  seen = new Set<string>();
  constructor(private seed: number) {}

  random(below: number): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * below);
  }
  get others(): string[] {
    return ['a', 'b', 'c', 'd'].filter((node) => node !== this.primary);
  }
  input(): VoterSetInput {
    return {
      mode: this.mode,
      onNoStandby: 'degrade',
      leaseMs: 2000,
      record: this.record,
      postgres: this.postgres,
      standbys: this.others.map((node) =>
        standby(node, {
          flushLsn: BigInt(this.has[node]!),
          streaming: this.alive[node]!,
          silentMs: this.alive[node] ? 0 : 9999,
        }),
      ),
      currentLsn: BigInt(this.has[this.primary]!),
      barrier: this.barrier,
      joinLagBytes: 3,
    };
  }
  act(): VoterSetAction {
    const action = nextVoterSetAction(this.input());
    this.seen.add(action.kind);
    if (action.kind === 'write-store') this.record = { ...action.voterSet, promotable: action.promotable };
    if (action.kind === 'set-postgres') {
      this.postgres = action.voterSet;
      this.barrier = null;
    }
    if (action.kind === 'take-barrier')
      this.barrier = { postgres: this.postgres, lsn: BigInt(this.has[this.primary]!) };
    return action;
  }
  acknowledge(): void {
    const { members, k } = this.postgres;
    const covered = (n: number) => members.length === 0 || members.filter((node) => this.has[node]! >= n).length >= k;
    while (this.acknowledged < this.has[this.primary]! && covered(this.acknowledged + 1)) this.acknowledged++;
  }
  promote(): void {
    if (this.mode === 'asynchronous' || this.record.promotable !== 'voters') return;
    const live = this.record.members.filter((node) => this.alive[node]);
    const needed = promisesNeeded(this.record);
    if (needed === 0 || live.length < needed) return;
    const promised = live.sort(() => this.random(3) - 1).slice(0, needed);
    const best = promised.sort((x, y) => this.has[y]! - this.has[x]!)[0]!;
    if (this.has[best]! < this.epochStart) return;
    const first = voterSetAfterPromotion({
      mode: this.mode,
      onNoStandby: 'degrade',
      candidate: best,
      promised,
      others: [],
    });
    this.primary = best;
    this.epochStart = this.has[best]!;
    for (const node of this.others) this.has[node] = Math.min(this.has[node]!, this.epochStart);
    expect(this.acknowledged).toBeLessThanOrEqual(this.epochStart);
    this.record = { ...first.voterSet, promotable: first.promotable };
    this.postgres = first.voterSet;
    this.barrier = null;
    this.promotions++;
  }
  event(): void {
    const node = this.others[this.random(3)]!;
    const roll = this.random(100);
    if (roll < 25) this.has[this.primary]!++;
    else if (roll < 55 && this.alive[node])
      this.has[node] = Math.min(this.has[this.primary]!, this.has[node]! + 1 + this.random(3));
    else if (roll < 80) this.act();
    else if (roll < 90) this.alive[node] = !this.alive[node];
    else if (roll < 93) this.barrier = null;
    else if (roll < 95) this.mode = (['semi_synchronous', 'synchronous', 'semi_synchronous'] as const)[this.random(3)]!;
    else if (roll < 98) this.promote();
    this.acknowledge();
  }
  check(): void {
    if (this.record.promotable !== 'voters') return;
    const size = promisesNeeded(this.record);
    if (size === 0) return;
    for (const promised of subsets(this.record.members).filter((one) => one.length === size)) {
      const best = Math.max(...promised.map((node) => this.has[node]!));
      if (best < this.epochStart) continue;
      expect(best, `${promised} of ${JSON.stringify(this.record)} for ${this.acknowledged}`).toBeGreaterThanOrEqual(
        this.acknowledged,
      );
    }
  }
  heal(): void {
    for (const node of this.others) this.alive[node] = true;
    for (let n = 0; n < 40; n++) {
      this.act();
      for (const node of this.others) this.has[node] = this.has[this.primary]!;
      this.acknowledge();
      this.check();
    }
    expect(this.act().kind).toBe('settled');
    expect(this.record.promotable).toBe('voters');
    expect(sameSet(this.record, this.postgres)).toBe(true);
    expect([...this.record.members].sort()).toEqual(this.others);
    expect(this.record.k).toBe(this.mode === 'synchronous' ? 3 : 1);
  }
}

describe('voter set, against a naive world', () => {
  it('never lets a promise quorum miss an acknowledged commit, whatever is interrupted, and settles afterwards', () => {
    const seen = new Set<string>();
    let promotions = 0;
    for (let seed = 1; seed <= 250; seed++) {
      const world = new World(seed);
      for (let n = 0; n < 300; n++) {
        world.event();
        world.check();
      }
      world.heal();
      for (const kind of world.seen) seen.add(kind);
      promotions += world.promotions;
    }
    expect([...seen].sort()).toEqual([
      'set-postgres',
      'settled',
      'take-barrier',
      'wait',
      'wait-for-flush',
      'write-store',
    ]);
    expect(promotions).toBeGreaterThan(100);
  });
});

describe('another mode was asked for', () => {
  const near = [standby('b'), standby('c')];
  const barrier = (members: string, lsn: bigint) => ({ postgres: set(members, 1), lsn });
  const back = { mode: 'asynchronous', wantedMode: 'semi_synchronous', store: none, standbys: near } as const;
  it.each<[string, Parameters<typeof input>[0], string]>([
    [
      'to asynchronous: the set and the mode in one write',
      { wantedMode: 'asynchronous' },
      'store 0() voters asynchronous',
    ],
    [
      'to asynchronous while degraded',
      { wantedMode: 'asynchronous', store: none, promotable: 'none' },
      'store 0() voters asynchronous',
    ],
    ['to asynchronous, then PostgreSQL', { mode: 'asynchronous', store: none }, 'postgres 0()'],
    [
      'to synchronous: S and k stay',
      { wantedMode: 'synchronous', store: set('bc', 1) },
      'store 1(bc) voters synchronous',
    ],
    ['back: nobody near enough', { ...back, postgres: none, standbys: [] }, 'wait'],
    ['back: PostgreSQL waits first, the mode stays', { ...back, postgres: none }, 'postgres 1(bc)'],
    ['back: what was acknowledged so far', { ...back, postgres: set('bc', 1) }, 'take-barrier'],
    ['back: nobody has it yet', { ...back, postgres: set('bc', 1), barrier: barrier('bc', 101n) }, 'wait-for-flush'],
    [
      'back: one has it',
      { ...back, postgres: set('bc', 1), barrier: barrier('bc', 100n) },
      'store 1(bc) voters semi_synchronous',
    ],
    ['back: a member left meanwhile', { ...back, postgres: set('bc', 1), standbys: [standby('b')] }, 'postgres 1(b)'],
    ['back: all left; nobody is waited for', { ...back, postgres: set('bc', 1), standbys: [] }, 'postgres 0()'],
    ['an operation owns the group', { wantedMode: 'asynchronous', frozen: true }, 'wait'],
  ])('%s', (_, change, expected) => {
    expect(brief(nextVoterSetAction(input(change)))).toBe(expected);
  });
});
