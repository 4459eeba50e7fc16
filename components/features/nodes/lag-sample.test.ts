import { expect, it } from 'vitest';
import { lagBytesText, lagSample, lagTimeText } from './lag-sample';

const standby = { id: 'node-2', lag_bytes: 4096, lag_ms: 12, report_age_ms: 210 };
const view = {
  nodes: [{ id: 'node-1', report_age_ms: 140 }, standby],
  links: [
    { from: 'node-2', to: 'node-1', kind: 'interconnect', lag_bytes: null },
    { from: 'node-1', to: 'node-2', kind: 'replication', lag_bytes: 512 },
  ],
} as const;

it('bytes are of the primary’s one sample, time is the standby’s own, each with its age', () => {
  const sample = lagSample(standby, view);
  expect(sample).toMatchObject({ bytes: 512, seenBy: { node: 'node-1', ageMs: 140 }, ms: 12, msAgeMs: 210 });
  expect(lagBytesText(sample)).toBe('512 B, as node-1 saw it 140 ms ago');
  expect(lagTimeText(sample)).toBe('12 ms, as it told 210 ms ago');
});

it('without a link there is only what two reports give together, and nobody is named for it', () => {
  const sample = lagSample(standby, { ...view, links: [] });
  expect(lagBytesText(sample)).toBe('4 kB');
  expect(lagBytesText({ ...sample, bytes: null })).toBe('unknown');
  expect(lagTimeText({ ...sample, ms: null })).toBe('unknown');
});
