import { describe, expect, it } from 'vitest';
import { afterLook, floodBytesPerSecond, isTold, type LogFile, logSteps, noFlood } from './log-limits';

const file = (name: string, bytes: number, changedMs = 0): LogFile => ({ name, bytes, changedMs });
const today = 'postgresql-Mon.json';

describe('what is done about a log directory with a limit of 400 bytes', () => {
  it.each([
    ['little', [file(today, 50, 9), file('postgresql-Sun.json', 90, 1)], []],
    ['today’s is more than a quarter', [file(today, 120, 9)], ['cut postgresql-Mon.json']],
    ['today’s is more than half: nobody looked for long', [file(today, 220, 9)], ['empty postgresql-Mon.json']],
    [
      'what was cut is still written into',
      [file(today, 10, 9), file('postgresql-Mon.cut.json', 210, 9)],
      ['empty postgresql-Mon.cut.json'],
    ],
    [
      'days before are too much: the oldest go first, whatever they are called',
      [
        file(today, 90, 9),
        file('postgresql-Sun.json', 90, 8),
        file('postgresql-Sat.json', 90, 2),
        file('old.txt', 90, 1),
      ],
      ['remove old.txt'],
    ],
    [
      'both streams of today',
      [file(today, 120, 9), file('postgresql-Mon.log', 130, 9)],
      ['cut postgresql-Mon.json', 'cut postgresql-Mon.log'],
    ],
  ] as const)('%s', (_what, files, steps) => {
    expect(logSteps(files, 400).map(({ kind, name }) => `${kind} ${name}`)).toEqual(steps);
  });

  it('whatever grows between two looks by less than a quarter, the whole stays below the limit', () => {
    let files: LogFile[] = [file('postgresql-Sun.json', 300, 1)];
    for (let look = 0; look < 200; look++) {
      const grown = files.find(({ name }) => name === today)?.bytes ?? 0;
      files = [...files.filter(({ name }) => name !== today), file(today, grown + ((look * 37) % 99), look + 10)];
      const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(total).toBeLessThanOrEqual(400);
      for (const step of logSteps(files, 400)) {
        const target = files.find(({ name }) => name === step.name)!;
        files = files.filter(({ name }) => name !== step.name && !(step.kind === 'cut' && name === step.to));
        if (step.kind === 'cut') files.push({ ...target, name: step.to });
      }
    }
  });
});

it('a flood is told once it lasts, and until it has been over for a while', () => {
  const first = afterLook(noFlood, 0, floodBytesPerSecond);
  expect([isTold(first, 1_000), isTold(afterLook(first, 2_000, floodBytesPerSecond), 2_000)]).toEqual([false, true]);
  const quiet = afterLook(first, 3_000, 0);
  expect([isTold(quiet, 17_000), afterLook(quiet, 18_000, 0)]).toEqual([true, noFlood]);
  expect(afterLook(noFlood, 0, 10)).toEqual(noFlood);
});
