import { afterEach, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { systemFiles } from '../kernel/small-files';
import { cluster } from '../testing/cluster-fixture';
import { CommandRig, fenceOf } from '../testing/command-rig';
import { DurableState } from './durable-state';

const record = { ...cluster().groups.get('alpha')!.record, leaseReleased: true };
const position = { inRecovery: true, timeline: 2, receiveLsn: '0/1', replayLsn: '0/1', lsn: '0/1' };

let rig: CommandRig;
afterEach(() => rig.remove());

const promise = (controllerTerm: number, epoch: number) =>
  rig.commands.handlers['agent.promise']({ fence: fenceOf(controllerTerm, record.epoch), group: 'alpha', epoch });

/** A restarted agent joins no promotion for one lease; the store here has a short one. */
const promised = (controllerTerm: number, epoch: number) =>
  pollUntil(() => promise(controllerTerm, epoch).catch(() => undefined), {
    timeoutMs: 10_000,
    intervalMs: 20,
    what: `epoch ${epoch} is promised`,
  });

it('a grant that waited for the store takes back neither promise nor controller term', async () => {
  rig = new CommandRig({
    nodeId: 'node-2',
    record,
    postgres: { stopReceiving: async () => position, parameterShortfall: async () => [] },
    entries: { config: { leaseMs: 50 } },
  });
  await promised(3, 5);
  const held = rig.holdReads();
  const next = { ...record, epoch: 5, primary: 'node-2', leaseReleased: false };
  const expectedModRevision = rig.store.entries.get('groups/alpha')!.modRevision;
  const grant = rig.commands.handlers['agent.grant']({
    fence: fenceOf(3, record.epoch),
    group: 'alpha',
    expectedModRevision,
    next,
    underLeaseGuard: false,
  }).then(
    () => 'granted',
    () => 'refused',
  );
  await held.waiting();
  await promised(4, 6);
  held.release();
  expect(await grant).toBe('refused');
  expect(new DurableState(rig.directory, systemFiles).current).toMatchObject({ promisedEpoch: 6, controllerTerm: 4 });
  expect(rig.record('alpha').epoch).toBe(record.epoch);
});
