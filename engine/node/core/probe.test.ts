import { describe, expect, it } from 'vitest';
import type { GroupRecord, NodeRecord, PostgresReport, ReplicationSender } from '../../cluster/model';
import { answerProbe, bytesOf } from './probe';
import { membersSeen } from './probe-documents';
import { type ProbeFacts, reportFreshMs, storeFreshMs } from './probe-facts';

const group = {
  name: 'alpha',
  mode: 'semi_synchronous',
  epoch: 3,
  primary: 'a',
  leaseReleased: false,
  voterSet: { members: ['b', 'c'], k: 1 },
  automaticFailover: true,
  timelineHistory: [
    { epoch: 1, timeline: 1, startLsn: '0/0', primary: 'b', at: '2026-01-01T00:00:00.000Z' },
    { epoch: 2, timeline: 2, startLsn: '0/3000060', primary: 'a', at: '2026-01-02T00:00:00.000Z' },
    { epoch: 3, timeline: 4, startLsn: '1/0', primary: 'a', at: '2026-01-03T00:00:00.000Z', parent: 2 },
  ],
  systemIdentifier: '7268616322854375442',
} as unknown as GroupRecord;

function server(change: Partial<PostgresReport> = {}): PostgresReport {
  return {
    state: 'standby',
    lsn: '0/5000000',
    timeline: 4,
    receiveLsn: '0/5000000',
    replayLsn: '0/4F00000',
    replayPaused: false,
    walReceiver: { status: 'streaming', fromNode: null, primaryLsn: '0/5100000' },
    senders: [],
    startedAt: '2026-01-03T00:00:00.000Z',
    version: '18.1',
    ...change,
  } as PostgresReport;
}

const members = ['c', 'a', 'b'].map(
  (id, index) => ({ id, host: '10.0.0.1', postgresPort: 5400 + index, probePort: 8000 + index }) as NodeRecord,
);

const standby: ProbeFacts = {
  node: 'b',
  release: '0.2.0',
  route: { role: 'standby', remainingMs: 0, draining: false },
  seen: { report: server(), ageMs: 200 },
  group,
  members: () => members,
  seenByPrimary: null,
  paused: false,
  storeAgeMs: 100,
  turnedMs: 100,
  leaseMs: 2_000,
  readyLagBytes: 16 * 1024 * 1024,
  wallMs: 1_800_000_000_000,
};
const primaryServer = server({ state: 'primary', receiveLsn: null, replayLsn: null, walReceiver: null });
const primary: ProbeFacts = {
  ...standby,
  node: 'a',
  route: { role: 'primary', remainingMs: 900, draining: false },
  seen: { report: primaryServer, ageMs: 200 },
};

const on = (facts: ProbeFacts, change: Partial<ProbeFacts>): ProbeFacts => ({ ...facts, ...change });
const says = (facts: ProbeFacts, change: Partial<PostgresReport>, ageMs = 200): ProbeFacts =>
  on(facts, { seen: { report: { ...facts.seen!.report, ...change }, ageMs } });
const voters = (facts: ProbeFacts, set: Partial<GroupRecord>): ProbeFacts => on(facts, { group: { ...group, ...set } });

const status = (facts: ProbeFacts, target: string, method = 'GET'): number =>
  answerProbe({ method, target, hasBody: false }, () => facts).status;
const body = (facts: ProbeFacts, target: string): Record<string, unknown> =>
  answerProbe({ method: 'GET', target, hasBody: false }, () => facts).body as Record<string, unknown>;

const all = [
  '/',
  '/primary',
  '/read-write',
  '/master',
  '/leader',
  '/standby-leader',
  '/replica',
  '/read-only',
  '/sync',
  '/synchronous',
  '/read-only-sync',
  '/quorum',
  '/read-only-quorum',
  '/async',
  '/asynchronous',
  '/health',
  '/readiness',
  '/liveness',
];
const writes = ['/', '/primary', '/read-write', '/master', '/leader'];
const reads = ['/replica', '/read-only'];
const sync = ['/sync', '/synchronous', '/read-only-sync'];
const quorum = ['/quorum', '/read-only-quorum'];
const async_ = ['/async', '/asynchronous'];
const either = ['/read-only', '/read-only-sync', '/read-only-quorum'];
const alive = ['/health', '/readiness', '/liveness'];

describe('role × lease × state × sync × maintenance: every path that answers 200', () => {
  it.each<[string, ProbeFacts, readonly string[]]>([
    ['a primary under its lease', primary, [...writes, ...either, ...alive]],
    [
      'a primary whose lease has run out',
      on(primary, { route: { role: 'primary', remainingMs: 0, draining: false } }),
      ['/health', '/liveness'],
    ],
    [
      'a primary of an epoch that is over',
      on(primary, { route: { role: 'none', remainingMs: 0, draining: false } }),
      ['/health', '/liveness'],
    ],
    [
      'a primary that is drained for a switchover',
      on(primary, { route: { role: 'primary', remainingMs: 900, draining: true } }),
      ['/health', '/liveness'],
    ],
    ['a lease without a server', on(primary, { seen: null }), ['/liveness']],
    ['a lease whose server has crashed', says(primary, { state: 'crashed' }), ['/liveness']],
    ['a lease whose server starts', says(primary, { state: 'starting', lsn: null }), ['/liveness']],
    ['a lease whose server is still a standby', says(primary, { state: 'standby' }), ['/health', '/liveness']],
    [
      'a primary that was not heard of lately',
      says(primary, {}, reportFreshMs + 1),
      [...writes, ...either, '/readiness', '/liveness'],
    ],
    ['one standby of several that must acknowledge', standby, [...reads, ...quorum, ...alive]],
    [
      'a standby that must acknowledge',
      voters(standby, { mode: 'synchronous', voterSet: { members: ['b', 'c'], k: 2 } }),
      [...reads, ...sync, ...alive],
    ],
    [
      'the only standby that acknowledges',
      voters(standby, { voterSet: { members: ['b'], k: 1 } }),
      [...reads, ...sync, ...alive],
    ],
    [
      'a standby that is no voter',
      voters(standby, { voterSet: { members: ['c'], k: 1 } }),
      [...reads, ...async_, ...alive],
    ],
    ['a standby of an asynchronous group', voters(standby, { mode: 'asynchronous' }), [...reads, ...async_, ...alive]],
    [
      'a standby that has not heard of the control store',
      on(standby, { storeAgeMs: storeFreshMs + 1 }),
      [...reads, ...alive],
    ],
    [
      'a standby that never heard of the control store',
      on(standby, { storeAgeMs: Number.POSITIVE_INFINITY, group: null }),
      [...reads, ...alive],
    ],
    ['a standby in maintenance', on(standby, { route: { role: 'standby', remainingMs: 0, draining: true } }), alive],
    ['a standby that was not heard of lately', says(standby, {}, reportFreshMs + 1), ['/liveness']],
    ['a standby that never answered', says(standby, { lsn: null }), ['/liveness']],
    [
      'a standby that replays before it takes connections',
      says(standby, { state: 'recovering', lsn: null }),
      ['/liveness'],
    ],
    ['a standby that stops', says(standby, { state: 'stopping' }), ['/liveness']],
    ['a standby that is cut off', says(standby, { walReceiver: null }), [...reads, ...quorum, '/health', '/liveness']],
    [
      'a standby behind more than the warning',
      says(standby, { replayLsn: '0/3000000' }),
      [...reads, ...quorum, '/health', '/liveness'],
    ],
    ['a standby whose agent was frozen for 3 s', on(standby, { turnedMs: 3_000 }), [...reads, ...quorum, ...alive]],
    [
      'a standby whose agent was frozen for 5 s',
      on(standby, { turnedMs: 5_000 }),
      [...reads, ...quorum, '/health', '/readiness'],
    ],
    [
      'a primary whose agent was frozen for 3 s',
      on(primary, { turnedMs: 3_000 }),
      [...writes, ...either, '/health', '/readiness'],
    ],
    [
      'a new node',
      on(standby, {
        route: { role: 'none', remainingMs: 0, draining: false },
        seen: { report: server({ state: 'absent', lsn: null }), ageMs: 0 },
        group: null,
      }),
      ['/liveness'],
    ],
  ])('%s', (_what, facts, well) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      expect(all.filter((path) => status(facts, path, method) === 200)).toEqual(
        all.filter((path) => well.includes(path)),
      );
  });
});

describe('lag', () => {
  // 0x200000 behind what the primary had flushed when it was last heard, 0x100000 of it received.
  it.each([
    ['/replica?lag=2097152', 200],
    ['/replica?lag=2097151', 503],
    ['/replica?lag=2MB', 200],
    ['/replica?lag=2047kB', 503],
    ['/replica?lag=1GB', 200],
    ['/quorum?lag=1MB', 503],
    ['/async?lag=1GB', 503],
    ['/read-only?lag=1MB', 503],
    ['/readiness?lag=1MB', 503],
    ['/readiness?lag=1MB&mode=write', 200],
    ['/readiness?lag=1MB&mode=apply', 503],
    ['/replica?lag=many', 400],
    ['/replica?lag=-1', 400],
    ['/replica?replication_state=streaming', 200],
    ['/replica?replication_state=streaming&lag=1MB', 503],
    ['/replica?replication_state=in%20archive%20recovery', 503],
    ['/replica?tag_zone=a', 503],
    ['/replica/?lag=2MB', 200],
  ])('%s: %d', (target, expected) => expect(status(standby, target)).toBe(expected));

  it('of a standby that hears nothing of its primary is within no limit', () => {
    const cut = says(standby, { walReceiver: null, replayLsn: '0/5000000' });
    expect([status(cut, '/replica'), status(cut, '/replica?lag=1TB')]).toEqual([200, 503]);
    const starting = says(standby, { walReceiver: { status: 'starting', fromNode: null, primaryLsn: '0/5100000' } });
    expect([status(starting, '/replica?lag=1TB'), status(starting, '/readiness')]).toEqual([503, 503]);
  });

  it('with an agent or server that does not know the primary’s position counts from what was received', () => {
    const old = says(standby, { walReceiver: { status: 'streaming', fromNode: null } });
    expect([status(old, '/replica?lag=1MB'), status(old, '/replica?lag=1023kB')]).toEqual([200, 503]);
  });

  it('is no question to a primary', () => {
    expect(['/primary?lag=0', '/read-only?lag=0', '/readiness?lag=0'].map((path) => status(primary, path))).toEqual([
      200, 200, 200,
    ]);
  });

  it.each([
    ['1048576', 1_048_576],
    ['16kB', 16_384],
    ['64MB', 67_108_864],
    ['1.5GB', 1_610_612_736],
    ['1 TB', 2 ** 40],
    ['10B', 10],
    ['0', 0],
    ['', null],
    ['10 parsecs', null],
    ['1e9', null],
    [`${'9'.repeat(40)}`, null],
  ])('%j is %s bytes', (text, bytes) => expect(bytesOf(text)).toBe(bytes));
});

describe('what is refused', () => {
  it.each([
    ['POST', '/switchover', 405],
    ['PUT', '/config', 405],
    ['PATCH', '/config', 405],
    ['DELETE', '/restart', 405],
    ['POST', '/primary', 405],
    ['TRACE', '/', 405],
    ['GET', '/config', 404],
    ['GET', '/metrics', 404],
    ['GET', '/primary/x', 404],
    ['GET', '/__proto__', 404],
    ['GET', '/constructor', 404],
    ['OPTIONS', '*', 404],
    ['GET', '//primary', 404],
    ['GET', '', 404],
  ])('%s %s: %d', (method, target, expected) => {
    expect(status(primary, target, method)).toBe(expected);
  });

  it('a body', () => {
    expect(answerProbe({ method: 'GET', target: '/primary', hasBody: true }, () => primary).status).toBe(413);
  });

  it('before anything is looked up', () => {
    const none = (): never => {
      throw new Error('looked up');
    };
    expect(answerProbe({ method: 'GET', target: '/nothing', hasBody: false }, none).status).toBe(404);
  });
});

describe('documents', () => {
  const streams = (id: string, flush: string, replay: string): ReplicationSender =>
    ({
      applicationName: id,
      state: 'streaming',
      syncState: 'quorum',
      flushLsn: flush,
      replayLsn: replay,
    }) as ReplicationSender;
  const seeing = says(primary, { lsn: '0/5000000', senders: [streams('b', '0/5000000', '0/4FFFF00')] });

  it('/patroni of a primary, the same as of every check', () => {
    expect(body(seeing, '/patroni')).toEqual({
      state: 'running',
      postmaster_start_time: '2026-01-03T00:00:00.000Z',
      role: 'primary',
      server_version: 180_001,
      xlog: { location: 0x5000000 },
      timeline: 4,
      replication: [{ application_name: 'b', state: 'streaming', sync_state: 'quorum', sync_priority: 1 }],
      dcs_last_seen: 1_799_999_999,
      database_system_identifier: '7268616322854375442',
      patroni: { version: '0.2.0', scope: 'alpha', name: 'a' },
    });
    expect(body(seeing, '/replica')).toEqual(body(seeing, '/patroni'));
    expect(body(seeing, '/liveness')).toBeNull();
  });

  it('/patroni of a standby', () => {
    expect(body(on(standby, { paused: true }), '/patroni')).toMatchObject({
      state: 'running',
      role: 'replica',
      quorum_standby: true,
      replication_state: 'streaming',
      pause: true,
      xlog: { received_location: 0x5000000, replayed_location: 0x4f00000, replayed_timestamp: null, paused: false },
    });
  });

  it('a server that takes writes without a lease is no primary', () => {
    const lost = on(primary, { route: { role: 'primary', remainingMs: 0, draining: false } });
    expect(body(lost, '/patroni')).toMatchObject({ role: 'demoted', state: 'running' });
  });

  it('/cluster as a primary sees it', () => {
    expect(body(seeing, '/cluster')).toEqual({
      scope: 'alpha',
      members: [
        {
          name: 'a',
          role: 'leader',
          state: 'running',
          timeline: 4,
          api_url: 'http://10.0.0.1:8001/patroni',
          host: '10.0.0.1',
          port: 5401,
        },
        {
          name: 'b',
          role: 'quorum_standby',
          state: 'streaming',
          timeline: 4,
          receive_lag: 0,
          receive_lsn: '0/5000000',
          replay_lag: 256,
          replay_lsn: '0/4FFFF00',
          lag: 256,
          lsn: '0/4FFFF00',
          api_url: 'http://10.0.0.1:8002/patroni',
          host: '10.0.0.1',
          port: 5402,
        },
        {
          name: 'c',
          role: 'quorum_standby',
          state: 'unknown',
          receive_lag: 'unknown',
          replay_lag: 'unknown',
          lag: 'unknown',
          api_url: 'http://10.0.0.1:8000/patroni',
          host: '10.0.0.1',
          port: 5400,
        },
      ],
    });
  });

  const states = (facts: ProbeFacts) =>
    (body(facts, '/cluster').members as { name: string; state: string; lag?: unknown }[]).map(
      ({ name, state, lag }) => [name, state, lag],
    );

  it('/cluster of a standby: itself, and of the others what the primary told it', () => {
    expect(states(standby)).toEqual([
      ['a', 'unknown', undefined],
      ['b', 'streaming', 0x200000],
      ['c', 'unknown', 'unknown'],
    ]);
    const seenByPrimary = membersSeen(
      says(primary, { lsn: '0/5000000', senders: [streams('c', '0/5000000', '0/4FFFFFF')] }),
    );
    expect(states(on(standby, { seenByPrimary }))).toEqual([
      ['a', 'running', undefined],
      ['b', 'streaming', 0x200000],
      ['c', 'streaming', 1],
    ]);
  });

  it('who is no primary tells no standby what it sees', () => {
    expect(membersSeen(standby)).toBeNull();
    expect(membersSeen(on(primary, { route: { role: 'primary', remainingMs: 0, draining: false } }))).toBeNull();
  });

  it('/history: each promotion, by the timeline that ended', () => {
    expect(body(standby, '/history')).toEqual([
      [1, 0x3000060, 'no recovery target specified', '2026-01-02T00:00:00.000Z', 'a'],
      [2, 2 ** 32, 'no recovery target specified', '2026-01-03T00:00:00.000Z', 'a'],
    ]);
    expect(body(on(standby, { group: null }), '/history')).toEqual([]);
  });
});
