import { describe, expect, it } from 'vitest';
import type { ReplicationSender } from '../cluster/model';
import { formatLsn } from '../kernel/lsn';
import { SenderRates } from './sender-rates';

function sender(applicationName: string, sent: number | null): ReplicationSender {
  const lsn = sent === null ? null : formatLsn(BigInt(sent));
  return {
    applicationName,
    state: 'streaming',
    syncState: 'async',
    sentLsn: lsn,
    writeLsn: lsn,
    flushLsn: lsn,
    replayLsn: lsn,
    replyAgeMs: 10,
  };
}

function rate(rates: SenderRates, senders: readonly ReplicationSender[], nowMs: number): readonly unknown[] {
  return rates.withRates(senders, nowMs).map((one) => one.bytesPerSecond);
}

describe('how fast a standby is sent WAL', () => {
  it('is unknown until a second of it was seen, then bytes a second of each sender', () => {
    const rates = new SenderRates();
    expect(rate(rates, [sender('node-2', 1_000), sender('node-3', 500)], 0)).toEqual([null, null]);
    expect(rate(rates, [sender('node-2', 9_000), sender('node-3', 500)], 250)).toEqual([null, null]);
    expect(rate(rates, [sender('node-2', 21_000), sender('node-3', 500)], 2_000)).toEqual([10_000, 0]);
  });

  it('stays as it was until the next second is over', () => {
    const rates = new SenderRates();
    rate(rates, [sender('node-2', 0)], 0);
    rate(rates, [sender('node-2', 4_000)], 1_000);
    expect(rate(rates, [sender('node-2', 90_000)], 1_250)).toEqual([4_000]);
    expect(rate(rates, [sender('node-2', 90_000)], 3_000)).toEqual([43_000]);
  });

  it('begins anew when the sender was away, has no position or went back', () => {
    const rates = new SenderRates();
    rate(rates, [sender('node-2', 1_000)], 0);
    rate(rates, [], 500);
    expect(rate(rates, [sender('node-2', 900_000)], 1_500)).toEqual([null]);
    expect(rate(rates, [sender('node-2', null)], 3_000)).toEqual([null]);
    expect(rate(rates, [sender('node-2', 900_000)], 4_000)).toEqual([null]);
    expect(rate(rates, [sender('node-2', 10)], 6_000)).toEqual([null]);
  });
});
