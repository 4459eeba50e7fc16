import { describe, expect, it } from 'vitest';
import {
  admitRemainingMs,
  holdsLease,
  initialLeaseState,
  type LeaseEffect,
  type LeaseInput,
  type LeaseState,
  mayBeHolder,
  stepLease,
} from './lease-keeper';

const bootOffset = 86_400_000;
type Bare = LeaseInput extends infer I ? (I extends LeaseInput ? Omit<I, 'now' | 'boot'> : never) : never;

/** Drives one keeper; `at` is both clocks unless a time since boot is given. */
class Driver {
  state: LeaseState;
  log: string[] = [];
  effects: LeaseEffect[] = [];
  constructor(leaseMs = 2000, failSafe = true) {
    this.state = initialLeaseState(leaseMs, { failSafe });
  }
  at(now: number, input: Bare, boot = bootOffset + now): this {
    const step = stepLease(this.state, { ...input, now, boot } as LeaseInput);
    this.state = step.state;
    this.effects = [...step.effects];
    for (const effect of step.effects) this.log.push(`${now} ${effect.kind}`);
    return this;
  }
  granted(now: number, sent = now): this {
    return this.at(now, { kind: 'granted', epoch: 5, sent: { now: sent, boot: bootOffset + sent } });
  }
  serving(now = 0): this {
    return this.granted(now).at(now, { kind: 'server-starting' });
  }
  ticks(from: number, to: number, every = 10): this {
    for (let now = from; now <= to; now += every) this.at(now, { kind: 'tick' });
    return this;
  }
  first(kind: string): number | undefined {
    const line = this.log.find((entry) => entry.endsWith(` ${kind}`));
    return line === undefined ? undefined : Number(line.split(' ')[0]);
  }
  all(kind: string): number[] {
    return this.log.filter((entry) => entry.endsWith(` ${kind}`)).map((entry) => Number(entry.split(' ')[0]));
  }
  lastRenewalId(): number {
    return this.state.renewals.at(-1)!.id;
  }
}
const ok = { ok: true, epoch: 5, leaseMs: 2000 } as const;

describe('lease keeper', () => {
  it('spends an unrenewed lease as budgeted: cut 1.4, stop 1.5, kill 1.8 after the grant was sent', () => {
    const driver = new Driver(2000, false).serving().ticks(0, 2500);
    expect(driver.first('open-router')).toBe(0);
    expect(driver.first('cut-router')).toBe(1400);
    expect(driver.first('stop-immediate')).toBe(1500);
    expect(driver.first('kill-all')).toBe(1800);
    expect(driver.all('send-renewal').slice(0, 4)).toEqual([0, 250, 500, 750]);
  });
  it('scales with the lease', () => {
    const driver = new Driver(4000, false).serving().ticks(0, 4000);
    expect([driver.first('cut-router'), driver.first('stop-immediate'), driver.first('kill-all')]).toEqual([
      2800, 3000, 3600,
    ]);
  });
  it('counts from the send time of the confirmed renewal, not from its answer', () => {
    const driver = new Driver(2000, false).serving();
    const id = driver.lastRenewalId();
    driver.ticks(10, 1000).at(1000, { kind: 'renew-answered', id, result: ok });
    expect(driver.effects).toContainEqual({ kind: 'push-guardian', remainingMs: 1500, since: 0 });
    driver.ticks(1010, 2000);
    expect(driver.first('stop-immediate')).toBe(1500);
  });
  it('counts the grant from when it was sent', () => {
    const driver = new Driver(2000, false).granted(400, 100).at(400, { kind: 'server-starting' }).ticks(410, 2500);
    expect(driver.first('stop-immediate')).toBe(1600);
  });
  it('a renewal confirmed between cut and stop opens the router again', () => {
    const driver = new Driver(2000, false).serving().ticks(0, 1450);
    driver.at(1450, { kind: 'renew-answered', id: driver.lastRenewalId(), result: ok });
    expect(driver.effects.map((effect) => effect.kind)).toContain('open-router');
    expect(admitRemainingMs(driver.state, { now: 1450, boot: bootOffset + 1450 })).toBe(1200);
  });
  it('answers out of order and repeated confirm at most what they were sent for', () => {
    const driver = new Driver(2000, false).serving().ticks(0, 520);
    const ids = driver.state.renewals.map((renewal) => renewal.id);
    driver.at(530, { kind: 'renew-answered', id: ids[2]!, result: ok });
    driver.at(540, { kind: 'renew-answered', id: ids[0]!, result: ok });
    driver.at(550, { kind: 'renew-answered', id: ids[0]!, result: ok });
    expect(driver.state.confirmed?.now).toBe(500);
  });
  it('a frozen holder that wakes up kills at once and admits nobody', () => {
    const driver = new Driver(2000, false).serving();
    expect(admitRemainingMs(driver.state, { now: 5000, boot: bootOffset + 5000 })).toBe(0);
    driver.at(5000, { kind: 'tick' });
    expect(driver.effects.map((effect) => effect.kind)).toEqual(
      expect.arrayContaining(['stop-immediate', 'kill-all', 'cut-router']),
    );
  });
  it.each([
    ['forward within the margin', 200, false],
    ['forward beyond the margin', 201, true],
    ['backward within the margin', -200, false],
    ['backward beyond the margin', -201, true],
  ])('clock since boot %s', (_, jump, lost) => {
    const driver = new Driver(2000, false).serving().at(100, { kind: 'tick' }, bootOffset + 100 + jump);
    expect(driver.state.lost).toBe(lost);
    expect(holdsLease(driver.state, { now: 100, boot: bootOffset + 100 + jump }, 5)).toBe(!lost);
  });
  it('a suspend that the monotonic clock did not see kills at once', () => {
    const driver = new Driver(2000, false).serving().at(100, { kind: 'tick' }, bootOffset + 60_000);
    expect(driver.effects.map((effect) => effect.kind)).toContain('kill-all');
  });
  it('a lease that is confirmed again while the server still dies starts nothing until all are dead', () => {
    const driver = new Driver(2000, false).serving().ticks(0, 1600);
    driver.at(1600, { kind: 'renew-answered', id: driver.lastRenewalId(), result: ok });
    expect(driver.effects.map((effect) => effect.kind)).not.toContain('may-start');
    driver.at(1700, { kind: 'all-dead' });
    expect(driver.effects).toContainEqual({ kind: 'may-start', epoch: 5 });
  });
  it('superseded kills everything and forgets the lease once dead and told', () => {
    const driver = new Driver().serving().at(100, { kind: 'superseded', epoch: 6 });
    expect(driver.effects.map((effect) => effect.kind)).toContain('kill-all');
    expect(mayBeHolder(driver.state)).toBe(true);
    driver.at(150, { kind: 'all-dead' }).at(160, { kind: 'superseded', epoch: 6 });
    expect(mayBeHolder(driver.state)).toBe(false);
    expect(driver.log.some((line) => line.includes('release'))).toBe(false);
  });
  it('an answer that names a newer epoch supersedes, one that names ours does not', () => {
    const driver = new Driver().serving().ticks(10, 300);
    driver.at(310, {
      kind: 'renew-answered',
      id: driver.lastRenewalId(),
      result: { ok: false, reason: 'grant-in-flight', epoch: 5 },
    });
    expect(driver.state.stage).toBe('serving');
    driver.ticks(320, 600);
    driver.at(610, {
      kind: 'renew-answered',
      id: driver.lastRenewalId(),
      result: { ok: false, reason: 'superseded', epoch: 6 },
    });
    expect(driver.state.stage).toBe('killing');
  });
  it('gives the lease back only when everything is dead, tells the store until it heard, and never renews it again', () => {
    const driver = new Driver().serving().at(100, { kind: 'give-back', mode: 'planned' });
    expect(driver.first('cut-router')).toBe(100);
    expect(driver.first('release')).toBeUndefined();
    driver.at(150, { kind: 'all-dead' }).ticks(160, 700);
    expect(driver.all('release')).toEqual([150, 400, 650]);
    expect(driver.all('send-renewal').filter((now) => now > 150)).toEqual([]);
    expect(driver.at(710, { kind: 'released', epoch: 5 }).state.epoch).toBeNull();
  });
  it('a late answer to the grant brings a given-back lease not back', () => {
    const driver = new Driver().serving().at(100, { kind: 'give-back', mode: 'now' }).at(150, { kind: 'all-dead' });
    driver
      .at(200, { kind: 'released', epoch: 5 })
      .granted(210, 0)
      .at(220, { kind: 'resumed', epoch: 5, serving: false });
    expect(driver.state.epoch).toBeNull();
  });
  it('a repeated answer to the grant does not undo a give-back', () => {
    const driver = new Driver().serving().at(100, { kind: 'give-back', mode: 'planned' }).at(150, { kind: 'all-dead' });
    driver.granted(160, 0);
    expect(driver.state.giveBack).toBe(true);
    expect(driver.effects.map((effect) => effect.kind)).not.toContain('may-start');
  });
  it('giving back at once kills', () => {
    const driver = new Driver().serving().at(100, { kind: 'give-back', mode: 'now' });
    expect(driver.first('kill-all')).toBe(100);
    expect(driver.first('release')).toBeUndefined();
  });
  it('after an agent restart it serves nobody until the store has confirmed, and leaves the deadline to the guardian', () => {
    const driver = new Driver().at(0, { kind: 'resumed', epoch: 5, serving: true }).ticks(10, 3000);
    expect(driver.first('open-router')).toBeUndefined();
    expect(driver.first('push-guardian')).toBeUndefined();
    driver.at(3010, { kind: 'renew-answered', id: driver.lastRenewalId(), result: ok });
    expect(driver.effects.map((effect) => effect.kind)).toEqual(
      expect.arrayContaining(['push-guardian', 'open-router']),
    );
  });
  it('bounds what is in flight', () => {
    const driver = new Driver(2000, true).serving().ticks(0, 60_000, 250);
    expect(driver.state.renewals.length).toBeLessThanOrEqual(8);
  });
});

describe('fail-safe', () => {
  it('asks the voters once the store is silent, and lives on while all of them confirm', () => {
    const driver = new Driver().serving();
    for (let now = 0; now <= 10_000; now += 50) {
      driver.at(now, { kind: 'tick' });
      for (const effect of driver.effects) {
        if (effect.kind === 'ask-voters')
          driver.at(now + 20, { kind: 'voters-answered', id: effect.id, allConfirmed: true });
      }
    }
    expect(driver.first('ask-voters')).toBe(500);
    expect(driver.first('cut-router')).toBeUndefined();
    expect(driver.state.confirmedBy).toBe('voters');
  });
  it('one silent voter means stop, on time', () => {
    const driver = new Driver().serving();
    for (let now = 0; now <= 3000; now += 50) {
      driver.at(now, { kind: 'tick' });
      for (const effect of driver.effects) {
        if (effect.kind === 'ask-voters')
          driver.at(now + 20, { kind: 'voters-answered', id: effect.id, allConfirmed: now < 600 });
      }
    }
    expect(driver.first('stop-immediate')).toBe(2000);
  });
  it('voters never create a lease, nor bring a lost one back', () => {
    const driver = new Driver().at(0, { kind: 'resumed', epoch: 5, serving: true }).ticks(0, 1000);
    expect(driver.first('ask-voters')).toBeUndefined();
    const late = new Driver().serving().ticks(0, 1490);
    const round = late.state.confirmations.at(-1)!.id;
    late.ticks(1500, 1510).at(1520, { kind: 'voters-answered', id: round, allConfirmed: true });
    expect(late.state.lost).toBe(true);
    expect(late.state.confirmedBy).toBe('store');
  });
  it('can be switched off', () => {
    expect(new Driver(2000, false).serving().ticks(0, 1400).first('ask-voters')).toBeUndefined();
  });
});

it('the end of an older epoch’s release does not take the lease that is held by now', () => {
  const driver = new Driver(2000, false).granted(0).at(10, { kind: 'give-back', mode: 'now' });
  driver.at(20, { kind: 'granted', epoch: 6, sent: { now: 20, boot: bootOffset + 20 } });
  driver.at(30, { kind: 'released', epoch: 5 });
  expect(driver.state).toMatchObject({ epoch: 6, endedEpoch: 0 });
  expect(driver.at(40, { kind: 'tick' }) && holdsLease(driver.state, { now: 40, boot: bootOffset + 40 }, 6)).toBe(true);
});
