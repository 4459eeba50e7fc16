import { afterEach, describe, expect, it } from 'vitest';
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

function life(options: { directory?: string; group?: Partial<typeof record> } = {}): CommandRig {
  const rig = new CommandRig({
    nodeId: 'node-2',
    record: { ...record, ...options.group },
    postgres: postgres as never,
    entries: { [keys.config]: { leaseMs: 0 } },
    directory: options.directory,
  });
  rigs.push(rig);
  return rig;
}

const promise = (rig: CommandRig) =>
  rig.commands.handlers['agent.promise']({ fence: fenceOf(1, record.epoch), group: 'alpha', epoch: record.epoch + 1 });

describe('a voter whose disk is new', () => {
  it('takes itself out of the voters before it promises, and a grant that relied on its lost promise fails', async () => {
    const rig = life();
    const relied = rig.store.entries.get(keys.group('alpha'))!.modRevision;
    await promise(rig);
    expect(rig.record('alpha')).toMatchObject({ promotable: 'none', epoch: record.epoch });
    const next = { ...record, epoch: record.epoch + 1, primary: 'node-3' };
    const { succeeded } = await rig.store.as('node-3').txn({
      compare: [{ key: keys.group('alpha'), modRevision: relied }],
      mutations: [{ kind: 'put', key: keys.group('alpha'), value: next as never }],
    });
    expect(succeeded).toBe(false);
  });

  it('takes one of k with it where more than one must acknowledge', async () => {
    const rig = life({ group: { mode: 'synchronous', voterSet: { members: ['node-2', 'node-3'], k: 2 } } });
    await promise(rig);
    expect(rig.record('alpha')).toMatchObject({ promotable: 'voters', voterSet: { members: ['node-3'], k: 1 } });
  });

  it('promises nothing while it can not ask, also after a restart in which it obeyed other commands', async () => {
    const first = life();
    first.store.hasQuorum = false;
    await first.commands.handlers['agent.drain']({ fence: fenceOf(7, 4), group: 'alpha', draining: false }).catch(
      () => 0,
    );
    await expect(promise(first)).rejects.toThrow();
    const second = life({ directory: first.directory });
    expect(second.durable.current.controllerTerm).toBe(7);
    await second.commands.handlers['agent.promise']({ fence: fenceOf(8, 4), group: 'alpha', epoch: 5 });
    expect(second.record('alpha').promotable).toBe('none');
  });

  it('does so once: the next life on the same disk remembers', async () => {
    const first = life();
    await promise(first);
    const second = life({ directory: first.directory });
    await promise(second);
    expect(second.record('alpha')).toMatchObject({ promotable: 'voters', voterSet: record.voterSet });
  });
});

it('a new member that nobody counts changes nothing', async () => {
  const rig = life({ group: { voterSet: { members: ['node-3'], k: 1 } } });
  const before = rig.store.entries.get(keys.group('alpha'))!.modRevision;
  await promise(rig);
  expect(rig.store.entries.get(keys.group('alpha'))!.modRevision).toBe(before);
});
