/**
 * Everybody of the threat model (docs/security.md) against every boundary of one running installation: none is crossed, and everything that the page
 * says is tried is tried. `npm run attacks` does the same with an installation that runs already.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actors, boundaries, held, settled, type Target } from './attacks/attack';
import { attack, attacks, line, type Outcome, possible, targetOf } from './attacks/suite';
import { RealCluster } from './real-cluster';

let cluster: RealCluster;
let directory: string;
let target: Target;
const outcomes: Outcome[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-attacks-'));
  const topology = join(directory, 'topology.yaml');
  writeFileSync(
    topology,
    'groups:\n  - { name: main, nodes: [{ id: m-1 }, { id: m-2 }] }\n  - { name: side, nodes: [{ id: s-1 }] }\n',
  );
  cluster = await RealCluster.start({
    topology,
    through: 'rest',
    readyTimeoutMs: 120_000,
    env: { RUSTYDB_LOG_LIMIT_MB: '16' },
  });
  target = targetOf(cluster, 'main', 'side');
  await settled(target);
}, 240_000);
afterAll(async () => {
  console.log(outcomes.map(line).join('\n'));
  await cluster?.destroy();
  rmSync(directory, { recursive: true, force: true });
});

describe.each(actors.filter((actor) => possible.some((one) => one.actor === actor)))('%s', (actor) => {
  it.each(possible.filter((one) => one.actor === actor))('$boundary: $attempt', async (one) => {
    const outcome = await attack(one, target);
    outcomes.push(outcome);
    expect(outcome.verdict).toBe(held);
  });
});

it('the installation serves as before, and its audit log is whole', async () => {
  await settled(target);
  expect((await cluster.api<{ ok: boolean }>('GET', '/audit/verify')).body.ok).toBe(true);
});

describe('docs/security.md', () => {
  const rows = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8')
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()));
  const head = rows.findIndex((cells) => cells[1] === 'boundary');
  const names = rows[head]?.slice(2, -1).map((name) => name.replaceAll("'", '’')) ?? [];

  it('names the same actors and boundaries', () => {
    expect([...names].sort()).toEqual([...actors].sort());
    const told = rows.slice(head + 2).map((cells) => cells[1]?.split(':')[0]);
    expect(told.slice(0, boundaries.length)).toEqual([...boundaries]);
  });

  it.each(boundaries)('%s: whoever is said to be tried is, and nobody else', (boundary) => {
    const row = rows.slice(head).find((cells) => cells[1]?.split(':')[0] === boundary)!;
    const said = names.filter((_, index) => row[index + 2] === 'tried').sort();
    const tried = actors.filter((actor) => attacks.some((one) => one.actor === actor && one.boundary === boundary));
    expect([...tried].sort()).toEqual(said);
  });
});
