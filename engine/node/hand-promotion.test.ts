import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GroupRecord } from '../cluster/model';
import { systemFiles } from '../kernel/small-files';
import { DurableState } from './durable-state';
import { HandPromotion } from './hand-promotion';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'by-hand-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const entry = (epoch: number, timeline: number, primary: string, parent?: number) => ({
  epoch,
  timeline,
  startLsn: '0/0',
  primary,
  at: '',
  ...(parent === undefined ? {} : { parent }),
});
const ours = '7001';
const record = {
  name: 'g',
  systemIdentifier: ours,
  epoch: 2,
  primary: 'b',
  timeline: 2,
  timelineHistory: [entry(1, 1, 'a'), entry(2, 2, 'b', 1)],
} as unknown as GroupRecord;

type Files = { readonly standbySignal: boolean; readonly timeline: number; readonly systemIdentifier?: string };

/** A new life of the agent of `nodeId` on the same disk. */
function life(nodeId: string, files: Files | null = null, stored: GroupRecord | null = null) {
  const durable = new DurableState(directory, systemFiles);
  const inspect = async () =>
    files === null
      ? { kind: 'absent' as const }
      : { kind: 'present' as const, standbySignal: files.standbySignal, control: { systemIdentifier: ours, ...files } };
  const get = async () => {
    if (stored === null) throw new Error('no majority');
    return { value: stored };
  };
  const store = { get };
  const parts = {
    config: { nodeId, group: 'g' },
    store,
    durable,
    postgres: { inspect, configuration: { paths: { dataDirectory: directory } } },
    logger: { warn: () => undefined },
  };
  return { durable, byHand: new HandPromotion(parts as never) };
}

describe('a server that somebody promoted by hand', () => {
  it('is known over restarts until it is copied anew, also where another node was granted the same number', async () => {
    expect(await life('c').byHand.note(record, 2)).toBe(true);
    const next = life('c');
    expect(next.byHand.sentence).toContain('was promoted by hand (to timeline 2)');
    next.byHand.copied();
    expect(next.byHand.sentence).toBeNull();
    expect(life('c').byHand.sentence).toBeNull();
  });

  it.each<[string, string, Files | null, boolean]>([
    ['primary’s files on a number of another node', 'c', { standbySignal: false, timeline: 2 }, true],
    ['primary’s files on a number of nobody', 'c', { standbySignal: false, timeline: 7 }, true],
    ['primary’s files of another cluster', 'c', { standbySignal: false, timeline: 7, systemIdentifier: '9' }, false],
    ['a standby’s files', 'c', { standbySignal: true, timeline: 2 }, false],
    ['no files', 'c', null, false],
    ['a former primary’s files', 'a', { standbySignal: false, timeline: 1 }, false],
    [
      'a granted promotion that died before its control file said so',
      'b',
      { standbySignal: false, timeline: 1 },
      false,
    ],
  ])('%s', async (_, node, files, known) => {
    const { byHand } = life(node, files);
    expect(await byHand.noteFiles(record)).toBe(true);
    expect(byHand.sentence !== null).toBe(known);
  });

  describe('after a grant that this node tried and whose outcome its copy of the record does not know', () => {
    const tried = { promisedEpoch: 3, controllerTerm: 1, lastHeldEpoch: 3 };
    const granted = {
      ...record,
      epoch: 3,
      primary: 'a',
      timelineHistory: [...record.timelineHistory, entry(3, 3, 'c', 2), entry(4, 4, 'a', 3)],
    } as unknown as GroupRecord;

    it.each<[string, GroupRecord | null, boolean, boolean]>([
      ['it waits for the store', null, false, false],
      ['it is judged by the store’s record: not granted', record, true, true],
      ['it is judged by the store’s record: granted', granted, true, false],
    ])('%s', async (_, stored, judged, known) => {
      const { byHand, durable } = life('c', null, stored);
      durable.save(tried);
      expect(await byHand.note(record, 3)).toBe(judged);
      expect(byHand.sentence !== null).toBe(known);
    });
  });
});
