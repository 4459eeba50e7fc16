import { afterEach, expect, it, vi } from 'vitest';
import { keys } from '../cluster/model';
import { cluster } from '../testing/cluster-fixture';
import { CommandRig, fenceOf } from '../testing/command-rig';

const record = cluster().groups.get('alpha')!.record;
const position = { inRecovery: true, timeline: 2, receiveLsn: '0/1', replayLsn: '0/1', lsn: '0/1' };
const postgres = { stopReceiving: async () => position, parameterShortfall: async () => [] };

const rigs: CommandRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.remove();
});

/** One life of the agent; `directory`: of an earlier one. */
function life(options: { leaseMs?: number; directory?: string; late?: boolean } = {}): CommandRig {
  const { leaseMs = 10_000, directory, late = false } = options;
  const entries = late ? {} : { [keys.config]: { leaseMs } };
  const rig = new CommandRig({ nodeId: 'node-2', record, postgres: postgres as never, entries, directory });
  rigs.push(rig);
  // The replica is empty while the agent is put together; the store fills it when it starts.
  if (late) rig.store.put(keys.config, { leaseMs });
  return rig;
}

/** How long it still joins no promotion; 0: it promised. */
async function refusedForMs(rig: CommandRig): Promise<number> {
  const asked = { fence: fenceOf(1, record.epoch), group: 'alpha', epoch: record.epoch + 1 };
  try {
    await rig.commands.handlers['agent.promise'](asked);
    return 0;
  } catch (error) {
    const [reason] = (error as { details: { reasons: { rule: string; remedy: string }[] } }).details.reasons;
    expect(reason!.rule).toBe('fail-safe-hold');
    return Number(/in (\d+) ms/.exec(reason!.remedy)![1]);
  }
}

const confirm = (rig: CommandRig, holdMs: number) =>
  rig.commands.handlers['agent.confirmEpoch']({ group: 'alpha', epoch: record.epoch, holder: 'node-1', holdMs });

it('a restarted agent holds its promise for the length of the lease, not for the default', async () => {
  expect(await refusedForMs(life({ late: true }))).toBeGreaterThan(5_000);
});

it('holds for what it confirmed, whatever is configured by now', async () => {
  const first = life({ leaseMs: 2_000 });
  await refusedForMs(first);
  expect(await confirm(first, 20_000)).toMatchObject({ confirmed: true });
  const left = await refusedForMs(life({ leaseMs: 2_000, directory: first.directory }));
  expect(left).toBeGreaterThan(15_000);
  expect(left).toBeLessThanOrEqual(20_000);
});

it('of an older release, with no majority to ask, it waits the longest length allowed', async () => {
  const first = life();
  first.durable.settle();
  const rig = life({ directory: first.directory });
  rig.store.hasQuorum = false;
  expect(await refusedForMs(rig)).toBeGreaterThan(280_000);
  rig.store.hasQuorum = true;
  expect(await refusedForMs(rig)).toBeLessThanOrEqual(10_000);
});

it('what it confirmed before it knew counts too', async () => {
  const rig = life({ leaseMs: 1_000 });
  rig.store.hasQuorum = false;
  await confirm(rig, 30_000);
  rig.store.hasQuorum = true;
  expect(await refusedForMs(rig)).toBeGreaterThan(25_000);
  expect(await refusedForMs(life({ leaseMs: 1_000, directory: rig.directory }))).toBeGreaterThan(25_000);
});

it('a full disk leaves the length unknown, and whoever asks again learns it', async () => {
  const rig = life({ leaseMs: 2_000, late: true });
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  vi.spyOn(rig.durable, 'saveLengths').mockImplementationOnce(() => {
    throw full;
  });
  await expect(
    rig.commands.handlers['agent.promise']({
      fence: fenceOf(1, record.epoch),
      group: 'alpha',
      epoch: record.epoch + 1,
    }),
  ).rejects.toThrow();
  expect(await refusedForMs(rig)).toBeLessThanOrEqual(2_000);
});
