/** One call never asks more nodes than its bound: a cluster beyond it is asked group by group, or page by page. */
import { expect, it } from 'vitest';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import { largeView } from '@/server/testing/recorded-view';
import type { ProcedureContext } from '../context';
import { selectGroups } from '../shared/find';
import { askForReplicationConfig } from './present-config';
import { askForSamples } from './standby-samples';

function large() {
  const engine = new RecordedEngine();
  engine.view = largeView(300);
  return { engine, context: { engine } as unknown as ProcedureContext };
}

it('refuses samples of more standbys than fit, and gives those of a group', async () => {
  const { engine, context } = large();
  const { view } = engine;
  const all = { view, groups: selectGroups(view, undefined), minutes: 15 };
  await expect(askForSamples(context, all)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { reasons: [{ rule: 'standbys-of-one-answer', measured: '240' }] },
  });
  expect(engine.requests).toEqual([]);
  const some = await askForSamples(context, { ...all, groups: selectGroups(view, 'group-1') });
  expect(some.standbys.map((one) => one.node_id)).toEqual(['node-2', 'node-3', 'node-4', 'node-5']);
});

it('names standbys that do not answer', async () => {
  const { engine, context } = large();
  engine.silentServers = ['node-3'];
  const { standbys, missing } = await askForSamples(context, {
    view: engine.view,
    groups: selectGroups(engine.view, 'group-1'),
    minutes: 15,
  });
  expect([standbys.length, missing]).toEqual([3, ['node-3']]);
});

it('asks the primaries of 32 groups for their configuration, and names the groups beyond', async () => {
  const { engine, context } = large();
  const config = await askForReplicationConfig(context, undefined);
  expect([config.groups.length, config.missing_groups.length]).toEqual([32, 28]);
  expect(engine.requests).toHaveLength(32);
});
