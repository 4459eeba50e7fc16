import { describe, expect, it } from 'vitest';
import type { LevelRecord } from '../model';
import { decideLevel, inForce, type LevelMember, recordAfter } from './level';

const node = (name: string, more: Partial<LevelMember> = {}): LevelMember => ({
  name,
  kind: 'node',
  fresh: true,
  release: '0.2.0',
  level: 2,
  sealed: 1,
  ...more,
});
const client = (more: Partial<LevelMember> = {}): LevelMember => ({
  ...node('a console at n1'),
  kind: 'client',
  sealed: undefined,
  ...more,
});
const record = (more: Partial<LevelRecord> = {}): LevelRecord => ({
  level: 1,
  sealing: null,
  release: '0.1.0',
  at: '2026-01-01T00:00:00.000Z',
  hold: null,
  ...more,
});
const by = { release: '0.2.0', at: '2026-02-02T00:00:00.000Z' };

describe('the level rises', () => {
  it('in two writes: sealed first, in force only when every directory refuses older releases', () => {
    const members = [node('n1'), node('n2'), client()];
    const first = decideLevel(null, 2, members);
    expect(first).toEqual({ kind: 'seal', level: 2 });
    const sealing = recordAfter(null, first as { kind: 'seal'; level: number }, by);
    expect(sealing).toMatchObject({ level: 1, sealing: 2 });
    expect(inForce(sealing)).toBe(1);
    expect(decideLevel(sealing, 2, [node('n1', { sealed: 2 }), node('n2'), client()])).toEqual({
      kind: 'none',
      waitsFor: ['n2 seals its directory'],
    });
    const second = decideLevel(sealing, 2, [node('n1', { sealed: 2 }), node('n2', { sealed: 2 }), client()]);
    expect(second).toEqual({ kind: 'raise', level: 2 });
    expect(recordAfter(sealing, second as { kind: 'raise'; level: number }, by)).toEqual({
      level: 2,
      sealing: null,
      release: '0.2.0',
      at: by.at,
      hold: null,
    });
  });

  it.each<[string, LevelRecord | null, readonly LevelMember[], string]>([
    [
      'a node of an older release',
      null,
      [node('n1'), node('n2', { level: undefined, release: undefined })],
      'n2 runs release 0.1.0 or older',
    ],
    ['a silent node', null, [node('n1'), node('n2', { fresh: false })], 'n2 is silent'],
    [
      'an older console',
      null,
      [node('n1'), client({ level: 1, release: '0.1.9' })],
      'a console at n1 runs release 0.1.9',
    ],
    ['an operator', record({ hold: { by: 'ann', at: by.at } }), [node('n1')], 'ann holds it'],
    [
      'an operator, also when sealing began',
      record({ sealing: 2, hold: { by: 'ann', at: by.at } }),
      [node('n1', { sealed: 2 })],
      'ann holds it',
    ],
    [
      'a node that went back while it was sealed',
      record({ sealing: 2 }),
      [node('n1', { sealed: 2 }), node('n2', { level: undefined, release: undefined, sealed: undefined })],
      'n2 runs release 0.1.0 or older',
    ],
    ['nobody at all', null, [], 'no node is known'],
  ])('not with %s', (_what, before, members, because) => {
    expect(decideLevel(before, 2, members)).toEqual({ kind: 'none', waitsFor: [because] });
  });

  it('one at a time, and never falls', () => {
    expect(decideLevel(null, 3, [node('n1', { level: 3 })])).toEqual({ kind: 'seal', level: 2 });
    expect(decideLevel(record({ level: 3 }), 2, [node('n1')])).toEqual({ kind: 'none', waitsFor: [] });
  });

  it('whatever happens in between, a raise follows the seal of that very level by all', () => {
    let before: LevelRecord | null = null;
    const sealed = new Map<string, number>();
    let seed = 4711;
    const chance = (share: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32 < share;
    };
    for (let turn = 0; turn < 2_000; turn++) {
      const names = ['n1', 'n2', 'n3'];
      const members = names.map((name) =>
        node(name, { level: chance(0.8) ? 3 : 1, sealed: sealed.get(name) ?? 1, fresh: chance(0.8) }),
      );
      const decision = decideLevel(before, 3, members);
      if (decision.kind === 'none') {
        for (const name of names)
          if (chance(0.5)) sealed.set(name, Math.max(sealed.get(name) ?? 1, before?.sealing ?? 1));
        continue;
      }
      if (decision.kind === 'raise')
        for (const name of names) expect(sealed.get(name) ?? 1).toBeGreaterThanOrEqual(decision.level);
      const after = recordAfter(before, decision, by);
      expect(after.level).toBeGreaterThanOrEqual(inForce(before));
      before = after;
    }
    expect(inForce(before)).toBe(3);
  });
});
