import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemFiles } from '../kernel/small-files';
import { DurableState } from './durable-state';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'durable-state-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('DurableState', () => {
  it('starts with no promise and remembers what it saved', () => {
    const state = new DurableState(directory, systemFiles);
    expect(state.current.promisedEpoch).toBe(0);
    state.save({ promisedEpoch: 4, controllerTerm: 9, lastHeldEpoch: 2 });
    expect(new DurableState(directory, systemFiles).current).toEqual({
      promisedEpoch: 4,
      controllerTerm: 9,
      lastHeldEpoch: 2,
    });
  });

  it('of a newer release is refused with what to start: the directory is not damaged, and nothing is moved away', () => {
    const content = { format: 2, promisedEpoch: 4, controllerTerm: 9, lastHeldEpoch: 2 };
    writeFileSync(join(directory, 'member-state.json'), JSON.stringify(content));
    expect(() => new DurableState(directory, systemFiles)).toThrow(
      /format 2; .*A newer release wrote it: start that one\. Nothing needs to be moved/,
    );
  });

  it('lets no number fall, whichever decision is saved last', () => {
    const state = new DurableState(directory, systemFiles);
    state.save({ promisedEpoch: 7, controllerTerm: 4, lastHeldEpoch: 5 });
    state.save({ promisedEpoch: 6, controllerTerm: 3, lastHeldEpoch: 6 });
    const both = { promisedEpoch: 7, controllerTerm: 4, lastHeldEpoch: 6 };
    expect(state.current).toEqual(both);
    expect(new DurableState(directory, systemFiles).current).toEqual(both);
  });

  it('keeps what another process of this node has put on disk meanwhile', () => {
    const thawed = new DurableState(directory, systemFiles);
    new DurableState(directory, systemFiles).save({ promisedEpoch: 9, controllerTerm: 8, lastHeldEpoch: 0 });
    thawed.save({ promisedEpoch: 3, controllerTerm: 2, lastHeldEpoch: 1 });
    expect(new DurableState(directory, systemFiles).current).toEqual({
      promisedEpoch: 9,
      controllerTerm: 8,
      lastHeldEpoch: 1,
    });
  });

  it.each(['', '{', '{"promisedEpoch":-1,"controllerTerm":0,"lastHeldEpoch":0}', '{"promisedEpoch":1}'])(
    'refuses the damaged file %j with a sentence that says what to do',
    (text) => {
      writeFileSync(join(directory, 'member-state.json'), text);
      expect(() => new DurableState(directory, systemFiles)).toThrow(/move its whole directory away/);
    },
  );
});
