/** A rolling change comes to the old primary right after the switchover, when its server is still down or starting. */
import { afterEach, expect, it } from 'vitest';
import { cluster } from '../testing/cluster-fixture';
import { CommandRig, fenceOf } from '../testing/command-rig';

const record = cluster().groups.get('alpha')!.record;
let rig: CommandRig;
afterEach(() => rig.remove());

it('the wait for replay begins once the server is up', async () => {
  const states = ['stopped', 'starting', 'recovering', 'standby'];
  let state = 'stopped';
  const waitedIn: string[] = [];
  rig = new CommandRig({
    nodeId: 'node-1',
    record: { ...record, primary: 'node-2' },
    postgres: {
      report: async () => {
        state = states.shift() ?? 'standby';
        return { state } as never;
      },
      waitForReplay: async () => {
        waitedIn.push(state);
        if (state !== 'standby') throw new Error('connect ENOENT');
      },
    },
  });
  const wait = rig.commands.handlers['agent.waitForReplay'];
  await wait({ fence: fenceOf(3, record.epoch), lsn: '0/1', timeoutMs: 1_000 });
  expect(waitedIn).toEqual(['standby']);
});
