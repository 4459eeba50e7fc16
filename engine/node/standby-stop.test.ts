import { describe, expect, it } from 'vitest';
import { systemLoop } from '../kernel/loop';
import type { NodeContext } from './node-context';
import { checkpointForMethod, StandbyStop } from './standby-stop';

type Facts = {
  readonly state?: string;
  readonly streaming?: boolean;
  readonly paused?: boolean;
  readonly receiveLsn?: string;
  /** The primary does not know the question. */
  readonly oldPrimary?: boolean;
};

/** A standby whose last restartpoint stands at 0/1000000. */
function standby(facts: Facts) {
  const did: string[] = [];
  let pid = 100;
  const silent = () => undefined;
  const context = {
    loop: systemLoop,
    logger: { info: silent, warn: () => did.push('warned') },
    config: { nodeId: 'node-2', group: 'alpha' },
    store: { localGet: () => ({ value: { primary: 'node-1' }, modRevision: 1 }) },
    interconnect: {
      request: async (node: string, method: string) => {
        expect(method).toBe(checkpointForMethod);
        did.push(`asked ${node}`);
        if (facts.oldPrimary) throw new Error('unknown method');
        return { lsn: '0/9000000' };
      },
    },
    postgres: {
      report: async () => ({
        state: facts.state ?? 'standby',
        postmasterPid: pid,
        receiveLsn: facts.receiveLsn ?? '0/8000000',
        replayLsn: '0/7000000',
        replayPaused: facts.paused ?? false,
        walReceiver: facts.streaming === false ? null : { status: 'streaming', fromNode: null },
      }),
      inspect: async () => ({ kind: 'present', control: { redoLsn: '0/1000000' } }),
      checkpoint: async () => {
        did.push('restartpoint');
      },
      waitForReplay: async (lsn: string) => {
        did.push(`replayed ${lsn}`);
      },
    },
  } as unknown as NodeContext;
  return { did, stop: new StandbyStop(context), restarted: () => pid++ };
}

const all = ['restartpoint', 'asked node-1', 'replayed 0/9000000', 'restartpoint'];

describe('before a standby stops', () => {
  it.each<[string, Facts, readonly string[]]>([
    ['much to replay: the primary makes one more checkpoint', {}, all],
    ['little to replay: its own restartpoint is enough', { receiveLsn: '0/1900000' }, ['restartpoint']],
    ['cut off from its primary', { streaming: false }, ['restartpoint']],
    ['its replay is paused', { paused: true }, ['restartpoint']],
    ['a primary of an earlier release', { oldPrimary: true }, ['restartpoint', 'asked node-1', 'warned']],
    ['no standby', { state: 'primary' }, []],
  ])('%s', async (_what, facts, did) => {
    const rig = standby(facts);
    await rig.stop.prepare();
    expect(rig.did).toEqual(did);
  });

  it('does it once for everybody who wants this stop, and again in the next life of the server', async () => {
    const rig = standby({});
    expect(await rig.stop.ready()).toBe(false);
    await Promise.all([rig.stop.prepare(), rig.stop.prepare()]);
    expect(rig.did).toEqual(all);
    expect(await rig.stop.ready()).toBe(true);
    await rig.stop.prepare();
    expect(rig.did).toEqual(all);
    rig.restarted();
    await rig.stop.prepare();
    expect(rig.did).toEqual([...all, ...all]);
  });
});
