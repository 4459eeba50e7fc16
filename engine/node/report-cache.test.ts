import { describe, expect, it } from 'vitest';
import type { PostgresReport } from '../cluster/model';
import { deferred } from '../kernel/async';
import { systemLoop } from '../kernel/loop';
import type { PostgresServer } from '../postgres/api';
import { ReportCache } from './report-cache';

function scene() {
  const questions: ReturnType<typeof deferred<PostgresReport>>[] = [];
  const exits: (() => void)[] = [];
  const server = {
    onExit: (listener: () => void) => {
      exits.push(listener);
      return () => undefined;
    },
    report: () => {
      const question = deferred<PostgresReport>();
      questions.push(question);
      return question.promise;
    },
  } as unknown as PostgresServer;
  return { cache: new ReportCache(server, systemLoop), questions, exit: () => exits[0]?.() };
}

const state = (name: 'standby' | 'primary') => ({ state: name }) as PostgresReport;

describe('ReportCache', () => {
  it('asks once for everybody who asks meanwhile, and answers from memory within the age', async () => {
    const { cache, questions } = scene();
    const both = Promise.all([cache.get(1000), cache.current(1000)]);
    questions[0]!.resolve(state('standby'));
    expect(await both).toEqual([state('standby'), state('standby')]);
    expect(await cache.get(1000)).toEqual(state('standby'));
    expect(questions).toHaveLength(1);
  });

  it('gives no answer that a change of the server has overtaken, and does not keep it', async () => {
    const { cache, questions } = scene();
    const before = cache.current(1000);
    cache.invalidate();
    questions[0]!.resolve(state('standby'));
    expect(await before).toBeNull();
    expect(cache.last).toBeNull();
    const after = cache.current(1000);
    questions[1]!.resolve(state('primary'));
    expect(await after).toEqual(state('primary'));
  });

  it('knows whether anything moves: two looks at the same position say that nothing does', async () => {
    const { cache, questions } = scene();
    const look = async (lsn: string) => {
      const asked = cache.get(-1);
      questions.at(-1)!.resolve({ state: 'standby', lsn } as PostgresReport);
      await asked;
      return cache.moves;
    };
    expect(cache.moves).toBe(true);
    expect(await look('0/1')).toBe(true);
    expect(await look('0/1')).toBe(false);
    expect(await look('0/2')).toBe(true);
    expect(await look('0/2')).toBe(false);
    cache.invalidate();
    expect(cache.moves).toBe(true);
  });

  it('remembers the last word of the running server beyond a change, but beyond no exit, and no silence is a word', async () => {
    const { cache, questions, exit } = scene();
    const look = async (report: Partial<PostgresReport>) => {
      const asked = cache.get(-1);
      questions.at(-1)!.resolve(report as PostgresReport);
      await asked;
    };
    expect(cache.seen).toBeNull();
    await look({ state: 'standby', lsn: '0/1' });
    cache.invalidate();
    expect([cache.last, cache.seen?.report]).toEqual([null, { state: 'standby', lsn: '0/1' }]);
    await look({ state: 'standby', lsn: null });
    expect(cache.seen?.report).toEqual({ state: 'standby', lsn: '0/1' });
    await look({ state: 'stopping', lsn: null });
    expect(cache.seen?.report).toEqual({ state: 'stopping', lsn: null });
    await look({ state: 'standby', lsn: null });
    expect(cache.seen?.report).toEqual({ state: 'standby', lsn: null });
    await look({ state: 'standby', lsn: '0/2' });
    const late = cache.get(-1);
    exit();
    questions.at(-1)!.resolve({ state: 'standby', lsn: '0/3' } as PostgresReport);
    await late;
    expect(cache.seen).toBeNull();
  });
});
