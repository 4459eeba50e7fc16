import { describe, expect, it } from 'vitest';
import type { RaftMember } from '../../store';
import { defaultLimits, type Effect, type Entry, type Input, type Message, type RaftState } from './model';
import { initialState, step } from './step';

const member = (id: string): RaftMember => ({ id, incarnation: '1' });
const ids = ['a', 'b', 'c', 'd', 'e'];
const configuration = { voters: ids.map(member), learners: [] };
const entry = (index: number, term: number): Entry => ({ index, term, kind: 'txn', data: `${index}/${term}` });

function start(term: number, entries: readonly Entry[] = [], limits = defaultLimits): RaftState {
  const snapshot = { index: 1, term: 1, configuration, parts: [] };
  const recovered = { hardState: { term, vote: null }, snapshot, entries };
  return initialState({ self: member('a'), heartbeatMs: 100, electionMs: 500, limits, seed: 1, now: 0, recovered });
}

class Machine {
  effects: readonly Effect[] = [];

  constructor(
    public state: RaftState,
    private now = 0,
  ) {}

  feed(input: Input): this {
    const result = step(this.state, this.now, input);
    this.state = result.state;
    this.effects = result.effects;
    return this;
  }

  message(message: Record<string, unknown>): this {
    return this.feed({ kind: 'message', message: { to: member('a'), term: this.state.term, ...message } as Message });
  }

  synced(): this {
    const { token, log } = this.state;
    const lastIndex = log.base + log.length;
    const lastTerm = log.backing[log.length - 1]?.term ?? log.baseTerm;
    return this.feed({ kind: 'persisted', token, lastIndex, lastTerm });
  }

  lead(): this {
    this.now = this.state.electionAt;
    this.feed({ kind: 'tick' });
    for (const id of ['b', 'c'])
      this.message({ kind: 'pre-vote-answer', from: member(id), term: this.state.term + 1, granted: true });
    for (const id of ['b', 'c']) this.message({ kind: 'vote-answer', from: member(id), granted: true });
    expect(this.state.role).toBe('leader');
    return this.synced();
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  acknowledge(id: string, match: number): this {
    return this.message({ kind: 'append-answer', from: member(id), ok: true, match, round: 0, prevIndex: 0 });
  }
}

describe('commit', () => {
  it('does not commit an entry of an older term by counting (Raft, figure 8)', () => {
    const machine = new Machine(start(3, [entry(2, 2)])).lead();
    expect(machine.state.term).toBe(4);
    machine.acknowledge('b', 2).acknowledge('c', 2);
    expect(machine.state.commitIndex).toBe(1);
    machine.acknowledge('b', 3).acknowledge('c', 3);
    expect(machine.state.commitIndex).toBe(3);
  });

  it('counts the leader itself only up to its own disk', () => {
    const machine = new Machine(start(1)).lead();
    machine.feed({ kind: 'propose', data: ['x'] });
    machine.acknowledge('b', 3).acknowledge('c', 3);
    expect(machine.state.commitIndex).toBe(2);
    machine.synced();
    expect(machine.state.commitIndex).toBe(3);
  });

  it('does not count members that are not listed', () => {
    const machine = new Machine(start(1)).lead();
    machine.acknowledge('x', 2).acknowledge('b', 2);
    machine.message({
      kind: 'append-answer',
      from: { id: 'c', incarnation: '2' },
      ok: true,
      match: 2,
      round: 0,
      prevIndex: 0,
    });
    expect(machine.state.commitIndex).toBe(1);
  });
});

describe('follower', () => {
  const append = {
    kind: 'append',
    from: member('b'),
    prevIndex: 2,
    prevTerm: 2,
    commit: 1,
    round: 0,
    asVoter: true,
  } as const;

  it('keeps acknowledged entries when a late, shorter append or a snapshot inside its log comes', () => {
    const machine = new Machine(start(2, [entry(2, 2), entry(3, 2), entry(4, 2)]));
    machine.message({ ...append, entries: [entry(3, 2)] });
    expect(machine.state.log.length).toBe(3);
    machine.message({
      kind: 'snapshot',
      from: member('b'),
      index: 3,
      snapshotTerm: 2,
      configuration,
      offset: 0,
      chunk: 'x',
      last: true,
      round: 0,
      asVoter: true,
    });
    expect(machine.state.log.length).toBe(3);
    expect(machine.state.commitIndex).toBe(3);
  });

  it('cuts a tail that conflicts', () => {
    const machine = new Machine(start(3, [entry(2, 2), entry(3, 2), entry(4, 2)]));
    machine.message({ ...append, entries: [entry(3, 3)] });
    expect(machine.state.log.backing.slice(0, machine.state.log.length).map((item) => item.term)).toEqual([2, 3]);
  });

  it('puts its answer behind its own disk', () => {
    const machine = new Machine(start(2, [entry(2, 2)]));
    machine.message({ ...append, entries: [entry(3, 2)] });
    expect(machine.effects.some((effect) => effect.kind === 'send')).toBe(false);
    const persist = machine.effects.find((effect) => effect.kind === 'persist');
    expect(persist).toMatchObject({
      entries: [entry(3, 2)],
      messages: [{ kind: 'append-answer', ok: true, match: 3 }],
    });
  });

  it('tells its vote only behind its own disk, and votes once per term', () => {
    const machine = new Machine(start(1));
    const vote = { kind: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false } as const;
    machine.message({ ...vote, from: member('b') });
    expect(machine.effects.some((effect) => effect.kind === 'send')).toBe(false);
    expect(machine.effects.find((effect) => effect.kind === 'persist')).toMatchObject({
      hardState: { term: 2, vote: 'b@1' },
      messages: [{ kind: 'vote-answer', granted: true }],
    });
    machine.message({ ...vote, from: member('c') });
    expect(machine.effects.find((effect) => effect.kind === 'persist')).toMatchObject({
      hardState: null,
      messages: [{ kind: 'vote-answer', granted: false }],
    });
  });

  it('stops at two leaders in one term', () => {
    const machine = new Machine(start(2, [entry(2, 2)]));
    machine.message({ ...append, entries: [] });
    expect(() => machine.message({ ...append, from: member('c'), entries: [] })).toThrow(/two leaders in term 2/);
  });
});

describe('bounds', () => {
  it('refuses proposals and reads beyond what may wait', () => {
    const limits = { ...defaultLimits, maxUncommitted: 3, maxPendingReads: 2 };
    const machine = new Machine(start(1, [], limits)).lead();
    machine.acknowledge('b', 2).acknowledge('c', 2);
    for (let n = 0; n < 3; n++) machine.feed({ kind: 'propose', data: ['x'] });
    machine.feed({ kind: 'propose', data: ['x'] });
    expect(machine.effects).toContainEqual({ kind: 'refused', what: 'propose', reason: 'too-many-uncommitted' });
    for (let id = 1; id <= 3; id++) machine.feed({ kind: 'read', id });
    expect(machine.effects).toContainEqual({ kind: 'read-refused', id: 3, reason: 'too-many-reads' });
  });

  it('keeps the appends on the way to a peer within its window', () => {
    const machine = new Machine(start(1, [], { ...defaultLimits, maxInflight: 4 })).lead();
    machine.acknowledge('b', 2).acknowledge('c', 2);
    for (let n = 0; n < 20; n++) machine.feed({ kind: 'propose', data: ['x'] });
    expect(machine.state.leading?.peers.get('b@1')?.inflight).toHaveLength(4);
    machine.acknowledge('b', 6);
    expect(machine.state.leading?.peers.get('b@1')?.match).toBe(6);
    expect(machine.state.leading?.peers.get('b@1')?.inflight.length).toBeGreaterThan(0);
  });

  it('steps down when no majority answers for an election time-out', () => {
    const machine = new Machine(start(1)).lead();
    const late = new Machine(machine.state, machine.state.leading!.electedAt + 600);
    late.feed({ kind: 'tick' });
    expect(late.state.role).toBe('follower');
  });
});

describe('many learners', () => {
  const learners = Array.from({ length: 200 }, (_, index) => member(`l${index}`));
  const crowd = { voters: ids.map(member), learners };
  const receivers = (machine: Machine) =>
    machine.effects.flatMap((effect) => (effect.kind === 'send' ? effect.messages.map(({ to }) => to.id) : []));

  function leading(): Machine {
    const recovered = {
      hardState: { term: 1, vote: null },
      snapshot: { index: 1, term: 1, configuration: crowd, parts: [] },
      entries: [],
    };
    const state = initialState({
      self: member('a'),
      heartbeatMs: 100,
      electionMs: 500,
      limits: defaultLimits,
      seed: 1,
      now: 0,
      recovered,
    });
    const machine = new Machine(state).lead();
    for (const { id } of [...ids.slice(1).map(member), ...learners]) machine.acknowledge(id, 2);
    return machine;
  }

  it('hear a heartbeat in turns, voters at each', () => {
    const machine = leading();
    const heard = new Map<string, number>();
    for (let beat = 0; beat < 4; beat++) {
      const all = receivers(machine.wait(100).feed({ kind: 'tick' }));
      expect(all).toEqual(expect.arrayContaining(['b', 'c', 'd', 'e']));
      expect(all.length).toBeLessThanOrEqual(4 + 64);
      for (const id of all) heard.set(id, (heard.get(id) ?? 0) + 1);
      for (const id of ids.slice(1)) machine.acknowledge(id, 2);
    }
    expect(learners.every(({ id }) => heard.get(id) === 1)).toBe(true);
  });

  it('are not asked whether this node still leads', () => {
    const machine = leading();
    machine.message({ kind: 'append-answer', from: member('b'), ok: true, match: 2, round: 1, prevIndex: 0 });
    machine.message({ kind: 'append-answer', from: member('c'), ok: true, match: 2, round: 1, prevIndex: 0 });
    expect(receivers(machine.feed({ kind: 'read', id: 1 })).sort()).toEqual(['b', 'c', 'd', 'e']);
  });
});
