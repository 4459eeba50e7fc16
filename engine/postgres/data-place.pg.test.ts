import { renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture } from '../testing/pg-fixture';
import { identityOf, isRunning, isSameDirectory, processesIn } from './processes';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

async function serving(name: string, serveForMs: number) {
  const node = await fixture.primary(name);
  const { dataDirectory } = node.configuration.paths;
  const running = processesIn(dataDirectory);
  expect(running.length).toBeGreaterThan(3);
  await node.server.setRole('primary', serveForMs);
  return { node, dataDirectory, running };
}

const ended = (processes: readonly number[]) =>
  pollUntil(() => processes.filter(isRunning).length === 0 || undefined, {
    timeoutMs: 20_000,
    intervalMs: 20,
    what: 'its processes have ended',
  });

describe('a data directory that leaves while its server runs', () => {
  it.each([
    ['moved away', (directory: string) => renameSync(directory, `${directory}.away`)],
    ['removed', (directory: string) => rmSync(directory, { recursive: true, force: true })],
    [
      'replaced by a copy',
      (directory: string) => {
        renameSync(directory, `${directory}.away`);
        renameSync(`${directory}.away/base`, directory);
      },
    ],
  ])('%s: the server is not dead, and is ended with all its processes', async (what, leave) => {
    const { node, dataDirectory, running } = await serving(`left-${what.replaceAll(' ', '-')}`, 600_000);
    expect(node.server.dataMovedAway()).toBe(false);
    leave(dataDirectory);
    expect(node.server.dataMovedAway()).toBe(true);
    expect(await node.server.isDead()).toBe(false);
    await node.server.killAll();
    // Ended, it lets go of its files and its directory a moment before it is a zombie.
    expect(await node.server.isDead()).toBe(true);
    await ended(running);
    rmSync(`${dataDirectory}.away`, { recursive: true, force: true });
  });

  it('moved away: the guardian ends it at its deadline', async () => {
    const { dataDirectory, running } = await serving('left-guarded', 2_000);
    renameSync(dataDirectory, `${dataDirectory}.away`);
    await ended(running);
    rmSync(`${dataDirectory}.away`, { recursive: true, force: true });
  });
});

it('a directory that got the inode of an earlier one is not taken for it', () => {
  const here = identityOf(fixture.root)!;
  expect(isSameDirectory(here, identityOf(fixture.root))).toBe(true);
  expect(isSameDirectory(here, { ...here, birthtimeNs: here.birthtimeNs + 1n })).toBe(false);
});
