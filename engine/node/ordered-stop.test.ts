import { expect, it } from 'vitest';
import { restsAt } from './ordered-stop';

const streaming = { status: 'streaming', fromNode: 'a' };

it.each([
  ['it still streams', { state: 'standby', walReceiver: streaming, receiveLsn: '0/2', replayLsn: '0/2' }, null],
  ['something is left to replay', { state: 'standby', walReceiver: null, receiveLsn: '0/3', replayLsn: '0/2' }, null],
  ['nothing is known yet', { state: 'standby', walReceiver: null, receiveLsn: null, replayLsn: null }, null],
  ['it has all', { state: 'standby', walReceiver: null, receiveLsn: '0/3', replayLsn: '0/3' }, '0/3'],
  ['it never received anything', { state: 'standby', walReceiver: null, receiveLsn: null, replayLsn: '0/3' }, '0/3'],
  [
    'it stopped already',
    { state: 'stopped', walReceiver: null, receiveLsn: null, replayLsn: null },
    'no standby any more',
  ],
] as const)('a standby rests: %s', (_what, report, at) => expect(restsAt(report)).toBe(at));
