/** The guardian's rules with a stand-in for PostgreSQL (a shell in the data directory), in this process, so that clocks can be bent. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../kernel/async';
import { BootClock } from '../kernel/boot-clock';
import { Guardian } from './guardian';
import { GuardianLink, takeLastExit } from './guardian-link';
import { type Deadline, type GuardianExit, monotonicMs } from './guardian-protocol';
import { killAllIn, processesIn } from './processes';

let directory: string;
let data: string;
const links: GuardianLink[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-guardian-'));
  data = join(directory, 'data');
  mkdirSync(data);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const link of links.splice(0)) link.close();
  await killAllIn(data, 5000);
  rmSync(directory, { recursive: true, force: true });
});

const inMs = (ms: number): Deadline => ({ stopAt: monotonicMs() + ms, killAt: monotonicMs() + ms + 300 });

async function guarded(orphanMs = 60_000, exit: () => void = () => undefined, bootMs?: () => number) {
  const options = {
    socket: join(directory, 'g.sock'),
    dataDirectory: data,
    lastExitFile: join(directory, 'exit.json'),
    orphanMs,
  };
  await new Guardian(options, exit, bootMs).listen();
  const ended = deferred<GuardianExit>();
  const link = (await GuardianLink.connect(options.socket, { onExit: ended.resolve, onLost: () => undefined }))!;
  links.push(link);
  const start = (role: 'primary' | 'standby', deadline: Deadline | null, script = 'exec sleep 600') =>
    link.request(
      {
        kind: 'start',
        command: '/bin/sh',
        args: ['-c', script],
        env: { PATH: process.env.PATH! },
        uid: null,
        gid: null,
        outputFile: join(directory, 'out'),
        role,
        deadline,
      },
      5000,
    );
  return { link, start, ended: ended.promise, options };
}

describe('guardian', () => {
  it('ends at once when it is dismissed, and not while a server runs', async () => {
    const exited = deferred<string>();
    const { link, start, ended } = await guarded(60_000, () => exited.resolve('exited'));
    await start('standby', null);
    await expect(link.request({ kind: 'dismiss' }, 1_000)).rejects.toMatchObject({ code: 'CONFLICT' });
    await link.request({ kind: 'kill' }, 5_000);
    await ended;
    link.dismiss();
    expect(await exited.promise).toBe('exited');
  });

  it.each([
    ['forward by a quarter of a second', 260],
    ['forward by a day', 86_400_000],
    ['back by a day', -86_400_000],
  ])('goes on to its deadline when somebody steps the wall clock %s', async (_, step) => {
    const { start, ended } = await guarded();
    const before = performance.now();
    await start('primary', inMs(1_200));
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + step);
    expect(await ended).toMatchObject({ cause: 'deadline' });
    expect(performance.now() - before).toBeGreaterThan(1_190);
  });

  it('stops when the clock since boot ran ahead of the monotonic one: the machine slept', async () => {
    let sleptMs = 0;
    const boot = new BootClock(monotonicMs);
    const { link, start, ended } = await guarded(
      60_000,
      () => undefined,
      () => boot.read() + sleptMs,
    );
    await start('primary', inMs(600_000));
    sleptMs = 400;
    expect(await ended).toMatchObject({ cause: 'deadline' });
    expect(processesIn(data)).toEqual([]);
    link.serve(inMs(60_000));
  });

  it('a word sent in time extends the deadline; when it passes the server stops, and the guardian may start another', async () => {
    const { link, start, ended } = await guarded();
    await start('primary', inMs(300));
    link.serve(inMs(600));
    const before = performance.now();
    expect(await ended).toMatchObject({ cause: 'deadline' });
    expect(performance.now() - before).toBeGreaterThan(500);
    // The same guardian may start again.
    await start('primary', inMs(60_000));
    expect(processesIn(data).length).toBe(1);
  });

  it('kills at the second deadline what ignores the first', async () => {
    const { start, ended } = await guarded();
    await start('primary', inMs(200), "trap '' QUIT; while :; do sleep 0.05; done");
    expect(await ended).toMatchObject({ cause: 'deadline', signal: 'SIGKILL' });
    expect(processesIn(data)).toEqual([]);
  });

  it('a kill that comes right behind the start leaves nothing', async () => {
    const { link, start, ended } = await guarded();
    const starting = start('standby', null);
    await link.request({ kind: 'kill' }, 5000);
    await starting;
    expect(await ended).toMatchObject({ cause: 'requested' });
    expect(processesIn(data)).toEqual([]);
  });

  it('tells when the program can’t be started, and can start another', async () => {
    const { link, start } = await guarded();
    const missing = { kind: 'start', command: '/nonexistent', args: [], env: {}, uid: null, gid: null } as const;
    const request = { ...missing, outputFile: join(directory, 'out'), role: 'standby', deadline: null } as const;
    await expect(link.request(request, 5000)).rejects.toThrow(/ENOENT/);
    await start('standby', null);
    expect(processesIn(data).length).toBe(1);
  });

  it('refuses a primary without a deadline ahead, and a second server', async () => {
    const { start } = await guarded();
    await expect(start('primary', null)).rejects.toThrow(/deadline/);
    await expect(start('primary', inMs(-1))).rejects.toThrow(/deadline/);
    await start('standby', null);
    await expect(start('standby', null)).rejects.toThrow(/already runs/);
  });

  it('a standby has no deadline; made primary it has; made standby again it has none', async () => {
    const { link, start, ended } = await guarded();
    await start('standby', null);
    await link.request({ kind: 'role', role: 'primary', deadline: inMs(200) }, 1000);
    await link.request({ kind: 'role', role: 'standby', deadline: null }, 1000);
    const outcome = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500, 'alive'))]);
    expect(outcome).toBe('alive');
    await link.request({ kind: 'role', role: 'primary', deadline: inMs(100) }, 1000);
    expect(await ended).toMatchObject({ cause: 'deadline' });
  });

  it('stops a standby that nobody came back for, then goes itself, leaving word', async () => {
    const gone = deferred<void>();
    const { link, start, options } = await guarded(200, () => gone.resolve());
    await start('standby', null);
    link.close();
    await gone.promise;
    expect(processesIn(data)).toEqual([]);
    expect(await takeLastExit(options.lastExitFile)).toMatchObject({ cause: 'orphaned' });
    expect(await takeLastExit(options.lastExitFile)).toBeNull();
  });
});
