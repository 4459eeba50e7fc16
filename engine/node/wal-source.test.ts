import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../interconnect/api';
import type { Loop } from '../kernel/loop';
import { type Relay, WalSource } from './wal-source';

const file = '/node/wal-source.conf';
const primary = { node: 'a', host: '10.0.0.1', port: 5432 };
const other = { node: 'b', host: '10.0.0.2', port: 5432 };
const straight = (to: { host: string; port: number }) => `[rustydb]\nhostaddr=${to.host}\nport=${to.port}\n`;
const relayed = straight({ host: '127.0.0.1', port: 7000 });

let disk: Map<string, string>;
let full: boolean;
let said: string[];
let timers: { at: number; job: () => void; cancelled: boolean }[];
let now: number;
let faults: readonly Fault[];
let proven: number;
let answers: boolean;
let names: Map<string, Promise<string>>;

const loop: Loop = {
  now: () => now,
  bootMs: () => now,
  wallMs: () => now,
  random: () => 0.5,
  after(ms, job) {
    const timer = { at: now + ms, job, cancelled: false };
    timers.push(timer);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  },
};

async function pass(ms: number): Promise<void> {
  const until = now + ms;
  for (;;) {
    await settled();
    const due = timers.filter((one) => !one.cancelled && one.at <= until).sort((a, b) => a.at - b.at)[0];
    if (due === undefined) break;
    timers.splice(timers.indexOf(due), 1);
    now = due.at;
    due.job();
  }
  now = until;
}
const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

const files = {
  create: (path: string) => {
    if (full) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    disk.set(path, '');
    return { write: (text: string) => void disk.set(path, text), sync: () => undefined, close: () => undefined };
  },
  rename: (from: string, to: string) => {
    disk.set(to, disk.get(from)!);
    disk.delete(from);
  },
  removeNow: (path: string) => void disk.delete(path),
};
const relay: Relay = {
  setUpstream: (to) => void said.push(`relay ${to?.node ?? 'nobody'}`),
  applyFaults: () => void said.push('apply'),
  stats: () => ({ proven }),
};

function source(): WalSource {
  const endReceivers = async () => {
    said.push(`end (${disk.get(file) ? 'open' : 'closed'})`);
    return answers;
  };
  const resolve = (host: string) => names.get(host) ?? host;
  const logger = pino({ level: 'silent' });
  const rest = { relay, relayPort: 7000, postgres: { endReceivers }, faults: () => faults, resolve, loop, logger };
  return new WalSource({ file, files, ...rest });
}

beforeEach(() => {
  disk = new Map();
  names = new Map();
  full = false;
  said = [];
  timers = [];
  now = 1_000;
  faults = [];
  proven = 0;
  answers = true;
});

describe('the service file', () => {
  it('is closed when the agent begins, opened for the upstream, closed without one', async () => {
    disk.set(file, straight(primary));
    const wal = source();
    wal.begin();
    expect(disk.get(file)).toBe('');
    await settled();
    wal.setUpstream(primary);
    expect(disk.get(file)).toBe(straight(primary));
    wal.setUpstream(null);
    expect(disk.get(file)).toBe('');
    await settled();
    expect(said).toEqual(['end (closed)', 'relay a', 'end (closed)', 'relay nobody', 'end (closed)']);
  });

  it('is changed first, and then what had read it is ended', () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    said = [];
    wal.setUpstream(other);
    expect(disk.get(file)).toBe(straight(other));
    expect(said[0]).toBe('relay b');
  });

  it('ends walreceivers again whenever it is told to reach nobody, and until the server answers', async () => {
    const wal = source();
    answers = false;
    wal.begin();
    wal.setUpstream(null);
    await pass(350);
    expect(said.filter((one) => one === 'end (closed)').length).toBe(4);
    answers = true;
    await pass(1_000);
    const looked = said.length;
    await pass(1_000);
    expect(said.length).toBe(looked);
    wal.setUpstream(null);
    expect(said.length).toBe(looked + 1);
  });

  it('is gone where the disk is full, and is opened when there is room again', () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    full = true;
    wal.setUpstream(null);
    expect(disk.has(file)).toBe(false);
    wal.setUpstream(primary);
    expect(disk.has(file)).toBe(false);
    full = false;
    wal.setUpstream(primary);
    expect(disk.get(file)).toBe(straight(primary));
  });

  it('is not taken for closed when it can be neither written nor removed', () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    full = true;
    const { removeNow } = files;
    files.removeNow = () => {
      throw new Error('EIO');
    };
    try {
      expect(() => wal.setUpstream(null)).toThrow('EIO');
      expect(() => wal.setUpstream(null)).toThrow('EIO');
    } finally {
      files.removeNow = removeNow;
    }
    wal.setUpstream(null);
    expect(disk.has(file)).toBe(false);
  });

  it('says the address of a name once that is known, of the upstream that is set then', async () => {
    names.set('one.example', Promise.resolve('10.1.0.1'));
    names.set('two.example', Promise.resolve('10.1.0.2'));
    const wal = source();
    wal.begin();
    wal.setUpstream({ ...primary, host: 'one.example' });
    wal.setUpstream({ ...primary, host: 'two.example' });
    expect(disk.get(file)).toBe('');
    await settled();
    expect(disk.get(file)).toBe(straight({ host: '10.1.0.2', port: 5432 }));
    names.set('two.example', Promise.resolve('10.1.0.3'));
    wal.setUpstream({ ...primary, host: 'two.example' });
    await settled();
    expect(disk.get(file)).toContain('10.1.0.2');
    await pass(2_001);
    wal.setUpstream({ ...primary, host: 'two.example' });
    await settled();
    expect(disk.get(file)).toContain('10.1.0.3');
  });
});

describe('while a fault acts', () => {
  const delayed = (until: number): Fault => ({
    ...{ peer: null, direction: 'both', channel: 'wal', kind: 'delay', delayMs: 5 },
    until: new Date(until).toISOString(),
  });

  it('WAL comes through the relay, first the connection, then the fault', async () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    let ready = false;
    void wal.beforeFaults([delayed(60_000)]).then(() => {
      ready = true;
    });
    expect(disk.get(file)).toBe(relayed);
    await pass(100);
    expect(ready).toBe(false);
    proven = 1;
    await pass(20);
    expect(ready).toBe(true);
  });

  it('another upstream is reached through it as well, and straight when the fault has ended by itself', async () => {
    const wal = source();
    wal.begin();
    await wal.beforeFaults([delayed(5_000)]);
    faults = [delayed(5_000)];
    wal.applyFaults();
    wal.setUpstream(other);
    expect(disk.get(file)).toBe(relayed);
    await pass(4_500);
    expect(disk.get(file)).toBe(straight(other));
  });

  it('a connection that does not come is not waited for longer than two seconds', async () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    let ready = false;
    void wal.beforeFaults([delayed(60_000)]).then(() => {
      ready = true;
    });
    await pass(2_100);
    expect(ready).toBe(true);
  });

  it('one between agents only changes nothing', async () => {
    const wal = source();
    wal.begin();
    wal.setUpstream(primary);
    await wal.beforeFaults([{ ...delayed(60_000), channel: 'interconnect' }]);
    expect(disk.get(file)).toBe(straight(primary));
  });
});
