/** What the simulators run takes time, chance and disk from outside: a clock or a file of its own would make a run depend on the machine it runs on. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const engine = join(import.meta.dirname, '..', '..');
const simulated = ['node', 'cluster', 'operations', 'control/raft'];
/** Makes the real ones and hands them over, or is the host's own business. */
const outside = new Set(['node/main.ts', 'node/agent.ts', 'node/resource-sampler.ts']);
const own =
  /\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|performance\.now\(|\bDate\.now\(|new Date\(\)|Math\.random\(|from 'node:(fs|child_process|net|timers)/;

it('no shell that is simulated has a clock, a timer or a file of its own', () => {
  const guilty: string[] = [];
  for (const directory of simulated) {
    for (const name of readdirSync(join(engine, directory), { recursive: true }) as string[]) {
      const file = `${directory}/${name}`;
      if (
        !name.endsWith('.ts') ||
        name.endsWith('.test.ts') ||
        file.startsWith('control/raft/sim/') ||
        outside.has(file)
      )
        continue;
      readFileSync(join(engine, file), 'utf8')
        .split('\n')
        .forEach((line, index) => {
          if (own.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line)) guilty.push(`${file}:${index + 1} ${line.trim()}`);
        });
    }
  }
  expect(guilty).toEqual([]);
});
