import { describe, expect, it } from 'vitest';
import type { Operation } from '../../operations/model';
import { cluster, type FixtureOptions } from '../../testing/cluster-fixture';
import { switchover } from '../../testing/running-operation';
import { slot } from '../../testing/slot-fixture';
import { plannedChange } from '../core/planned-change';
import { serviceTroubleWords } from '../core/service-trouble';
import type { StandbyParameters } from '../core/standby-parameters';
import { analyseGroup, controlQuorum } from '.';
import { slotRisks } from './slot-risks';

const usual: StandbyParameters = {
  max_connections: 200,
  max_worker_processes: 16,
  max_wal_senders: 16,
  max_prepared_transactions: 64,
  max_locks_per_transaction: 64,
};
const tooFewSenders = { running: usual, required: { ...usual, max_wal_senders: 25 } };

function rulesOf(options: FixtureOptions, operation: Operation | null = null): readonly string[] {
  const snapshot = cluster(options);
  const group = snapshot.groups.get('alpha')!;
  return analyseGroup({
    atMs: snapshot.atMs,
    config: snapshot.config,
    raft: snapshot.raft,
    group,
    primary: group.members.find((member) => member.record.id === group.record.primary) ?? null,
    standbys: group.members.filter((member) => member.record.id !== group.record.primary),
    operation,
    planned: plannedChange(operation, group, {
      atMs: snapshot.atMs,
      leaseMs: snapshot.config.leaseMs,
      pauses: [],
    }),
  }).map((finding) => `${finding.severity} ${finding.rule} ${finding.node ?? '-'}`);
}

const prepared = (count: number, oldestSeconds: number) => ({
  count,
  most: 64,
  oldestSeconds,
  oldestGid: 'x',
  oldestDatabase: 'app',
});

describe('releases', () => {
  const nodes = (releases: Record<string, string | undefined>): FixtureOptions => ({
    nodes: Object.fromEntries(Object.entries(releases).map(([id, release]) => [id, { report: { release } }])),
  });
  it('different ones are told, the same or none at all are not', () => {
    const mixed = { 'node-1': undefined, 'node-2': '0.2.0', 'node-3': '0.2.0' };
    expect(rulesOf(nodes(mixed))).toEqual(['info mixed-releases -']);
    expect(rulesOf(nodes({ 'node-1': '0.2.0', 'node-2': '0.2.0', 'node-3': '0.2.0' }))).toEqual([]);
    expect(rulesOf(nodes({}))).toEqual([]);
  });
});

describe('versions of PostgreSQL', () => {
  const versions = (primary: string | null, standby: string | null): FixtureOptions => ({
    nodes: { 'node-1': { postgres: { version: primary } }, 'node-2': { postgres: { version: standby } } },
  });
  it.each([
    ['the same', '18.4', '18.4', []],
    ['a newer minor on a standby, as in an upgrade', '18.4', '18.10', []],
    ['an older minor on a standby', '18.10', '18.4', ['warning postgres-version node-2']],
    ['another major version', '18.4', '17.9', ['critical postgres-version node-2']],
    ['a newer major version', '18.4', '19.0', ['critical postgres-version node-2']],
    ['with words of a packager', '18.4 (Debian 18.4-1)', '18.4 (Debian 18.4-2)', []],
    ['not told', null, '18.4', []],
  ] as const)('%s', (_what, primary, standby, rules) => {
    const told = rulesOf(versions(primary, standby)).filter((rule) => rule.endsWith('postgres-version node-2'));
    expect(told).toEqual(rules);
  });
});

describe('settings by hand', () => {
  const one = { name: 'port', value: '1', file: 'postgresql.auto.conf', line: 3, error: null, inForce: false };
  it.each([
    ['nothing', [], []],
    ['kept off by the command line', [one], ['info settings-by-hand node-2']],
    ['in force', [{ ...one, name: 'log_min_messages', inForce: true }], ['warning settings-by-hand node-2']],
    ['unreadable', [{ ...one, name: null, value: null, error: 'syntax error' }], ['critical settings-by-hand node-2']],
  ] as const)('%s', (_what, settingsByHand, rules) =>
    expect(rulesOf({ nodes: { 'node-2': { postgres: { settingsByHand } } } })).toEqual(rules),
  );
});

describe('a server that runs and does not serve', () => {
  const trouble = {
    kind: 'no-new-sessions',
    since: '2026-01-01T00:00:00.000Z',
    error: 'out of shared memory',
    sqlState: '53200',
    strangers: 0,
    lockHolders: [{ pid: 7, locks: 30_000, user: 'app', database: 'app', applicationName: null }],
  } as const;
  it.each([
    ['the primary', 'node-1', 'critical no-new-sessions node-1'],
    ['a standby', 'node-2', 'warning no-new-sessions node-2'],
  ] as const)('%s', (_what, node, rule) =>
    expect(rulesOf({ nodes: { [node]: { postgres: { serviceTrouble: trouble } } } })).toEqual([rule]),
  );
  it('says who holds the locks and what to end; of strangers, where to look', () => {
    const { sentence, remedy } = serviceTroubleWords(trouble);
    expect(sentence).toContain('pid 7 (role app, database app) holds 30000');
    expect(remedy).toContain('End the session with pid 7');
    const left = { ...trouble.lockHolders[0], pid: null, prepared: "it's" };
    const prepared = serviceTroubleWords({ ...trouble, lockHolders: [left] });
    expect(prepared.sentence).toContain("prepared transaction “it's” (role app, database app) holds 30000");
    expect(prepared.remedy).toMatch(/^ROLLBACK PREPARED 'it''s' in its database/);
    const strangers = serviceTroubleWords({ ...trouble, sqlState: '53300', strangers: 190, lockHolders: [] });
    expect([strangers.sentence, strangers.remedy].join(' ')).toMatch(/190 connections have not signed in.*ss -tnp/);
  });
});

describe('analysis of a group', () => {
  const rows: readonly [string, FixtureOptions, readonly string[]][] = [
    ['nothing is wrong', {}, []],
    ['the lease has run out', { leaseRemainingMs: -5 }, ['critical lease-expired node-1']],
    ['the lease was given back', { group: { leaseReleased: true } }, ['critical lease-expired node-1']],
    ['a follower does not know leases and says nothing', { leaseRemainingMs: null }, []],
    ['there never was a primary', { group: { primary: null } }, ['critical no-primary -']],
    [
      'PostgreSQL of the primary crashed',
      { nodes: { 'node-1': { postgres: { state: 'crashed' } } } },
      ['critical postgres-down node-1'],
    ],
    ['two primaries', { nodes: { 'node-2': { postgres: { state: 'primary' } } } }, ['critical role-conflict node-2']],
    ['a standby is silent', { nodes: { 'node-2': { ageMs: 5_000 } } }, ['warning node-silent node-2']],
    ['the primary is silent', { nodes: { 'node-1': { ageMs: 5_000 } } }, ['critical node-silent node-1']],
    [
      'no voter answers',
      { nodes: { 'node-2': { ageMs: 5_000 }, 'node-3': { ageMs: null } } },
      ['critical commits-wait -', 'warning node-silent node-2', 'warning node-silent node-3'],
    ],
    ['degraded', { group: { promotable: 'none', voterSet: { members: [], k: 0 } } }, ['warning group-degraded -']],
    [
      'somebody gave a login of the engine a setting',
      { nodes: { 'node-1': { postgres: { engineRoleSettings: ['rustydb_repl: statement_timeout=1ms'] } } } },
      ['warning engine-role-settings -'],
    ],
    [
      'a role whose commits do not wait, where commits wait',
      { nodes: { 'node-1': { postgres: { lowerCommits: ['role batch: synchronous_commit=off'] } } } },
      ['warning lower-synchronous-commit -'],
    ],
    [
      'a role whose commits do not wait, where none do',
      {
        group: { mode: 'asynchronous', voterSet: { members: [], k: 1 } },
        nodes: { 'node-1': { postgres: { lowerCommits: ['role batch: synchronous_commit=off'] } } },
      },
      [],
    ],
    [
      'a transaction that was prepared long ago and by somebody else',
      { nodes: { 'node-1': { postgres: { prepared: prepared(1, 301) } } } },
      ['warning old-prepared-transaction -'],
    ],
    ['prepared a moment ago', { nodes: { 'node-1': { postgres: { prepared: prepared(1, 299) } } } }, []],
    [
      'hardly any room for prepared transactions',
      { nodes: { 'node-1': { postgres: { prepared: prepared(52, 1) } } } },
      ['warning prepared-transactions-full -'],
    ],
    [
      'a standby would write files of its primary',
      { nodes: { 'node-2': { report: { sharedFiles: 'pg_tblspc/16400 leads to /x, which node-1 uses as well' } } } },
      ['critical shared-files node-2'],
    ],
    [
      'a slot that the primary does not have',
      { nodes: { 'node-2': { report: { slotsKept: ['feed'] } } } },
      ['warning slot-not-on-primary node-2'],
    ],
    [
      'promises for a newer epoch',
      { nodes: { 'node-2': { report: { promisedEpoch: 5 } } } },
      ['warning stranded-promises -'],
    ],
    [
      'a standby does not stream',
      { nodes: { 'node-3': { postgres: { walReceiver: null } } } },
      ['warning standby-not-streaming node-3'],
    ],
    [
      'a standby is behind',
      { nodes: { 'node-3': { postgres: { replayLsn: '0/1000000' } } } },
      ['warning standby-lag node-3'],
    ],
    [
      'a standby is far behind',
      { nodes: { 'node-1': { postgres: { lsn: '1/0' } }, 'node-2': { postgres: { replayLsn: '1/0' } } } },
      ['critical standby-lag node-3'],
    ],
    [
      'a disk is nearly full',
      { nodes: { 'node-2': { report: { diskUsedBytes: 90 } } } },
      ['warning disk-nearly-full node-2'],
    ],
    [
      'a disk is full',
      { nodes: { 'node-2': { report: { diskUsedBytes: 97 } } } },
      ['critical disk-nearly-full node-2'],
    ],
    [
      'an agent has a trouble',
      { nodes: { 'node-2': { report: { troubles: ['no room'] } } } },
      ['warning node-trouble node-2'],
    ],
    [
      'an agent stalls for less than the lease can spare',
      { nodes: { 'node-2': { report: { loopBlockMs: 499 } } } },
      [],
    ],
    [
      'the agent of the primary stalls past the stop of its server',
      { nodes: { 'node-1': { report: { loopBlockMs: 1_300 } } } },
      ['critical agent-stalled node-1'],
    ],
    [
      'a shorter election leaves less to spare',
      { config: { electionTimeoutMs: 400 }, nodes: { 'node-2': { report: { loopBlockMs: 450 } } } },
      ['warning agent-stalled node-2'],
    ],
    [
      'replay of a voter is paused',
      { nodes: { 'node-2': { postgres: { replayPaused: true } } } },
      ['warning replay-paused node-2'],
    ],
    [
      'replay of another standby is paused',
      { group: { voterSet: { members: ['node-3'], k: 1 } }, nodes: { 'node-2': { postgres: { replayPaused: true } } } },
      ['info replay-paused node-2'],
    ],
    [
      'replay is paused and much is written',
      {
        nodes: {
          'node-1': { postgres: { lsn: '1/0' } },
          'node-2': { postgres: { replayLsn: '1/0' } },
          'node-3': { postgres: { replayPaused: true } },
        },
      },
      ['critical replay-paused node-3'],
    ],
    [
      'replay is paused where commits wait for it',
      { group: { mode: 'synchronous' }, nodes: { 'node-2': { postgres: { replayPaused: true } } } },
      ['critical replay-paused node-2'],
    ],
    [
      'replay stands because the primary runs with more: nobody is told to resume it',
      { nodes: { 'node-2': { postgres: { replayPaused: true, parameters: tooFewSenders } } } },
      ['critical standby-parameters node-2'],
    ],
    [
      'the same where commits wait for the only voters',
      {
        group: { mode: 'synchronous' },
        nodes: {
          'node-2': { postgres: { replayPaused: true, parameters: tooFewSenders } },
          'node-3': { postgres: { replayPaused: true, parameters: tooFewSenders } },
        },
      },
      ['critical commits-wait -', 'critical standby-parameters node-2', 'critical standby-parameters node-3'],
    ],
    [
      'idle slots keep WAL, one is lost',
      {
        nodes: {
          'node-1': {
            postgres: {
              slotWalKeepBytes: 1_000,
              slots: [
                slot('feed', { retainedBytes: 600 }),
                slot('rustydb_node_3', { retainedBytes: 950 }),
                slot('old', { walStatus: 'lost' }),
              ],
            },
          },
        },
      },
      ['warning slot-lost node-1', 'warning slot-keeps-wal node-1'],
    ],
    [
      'an agent stalls badly',
      { nodes: { 'node-2': { report: { loopBlockMs: 900 } } } },
      ['warning agent-stalled node-2'],
    ],
    ['too few nodes', { config: { replicationFactor: 4 } }, ['info replication-factor -']],
    ['failover is paused', { group: { automaticFailover: false } }, ['info automatic-failover-off -']],
    [
      'a standby is stopped by hand',
      {
        nodes: {
          'node-2': {
            record: { wanted: 'stopped' },
            postgres: { state: 'stopped', walReceiver: null, lsn: null, replayLsn: null },
          },
        },
      },
      ['info stopped-by-hand node-2'],
    ],
    [
      'maintenance silences silence',
      { nodes: { 'node-2': { record: { maintenance: true }, ageMs: 9_000 } } },
      ['info in-maintenance node-2'],
    ],
  ];
  it.each(rows)('%s', (_name, options, expected) => {
    expect(rulesOf(options)).toEqual(expected);
  });

  it('names the slots, what they keep and who has to come back', () => {
    const snapshot = cluster({
      nodes: {
        'node-1': {
          report: { diskTotalBytes: 1_000_000 },
          postgres: {
            slotWalKeepBytes: 4_096,
            slots: [slot('feed', { retainedBytes: 3_072 }), slot('rustydb_node_3', { retainedBytes: 2_048 })],
          },
        },
      },
    });
    const group = snapshot.groups.get('alpha')!;
    const [found] = slotRisks({ ...snapshot, group, primary: null, standbys: [], operation: null, planned: null });
    expect(found).toMatchObject({
      sentence:
        'Slots feed is idle and keeps 3.0 kB of 4.0 kB, rustydb_node_3 is idle and keeps 2.0 kB of 4.0 kB on node-1.',
    });
    expect(found!.remedy).toContain('rustydbctl replication delete-slot feed --node node-1');
    expect(found!.remedy).toContain('Bring node-3 back');
  });

  it('names the limit and the remedy in every sentence', () => {
    const snapshot = cluster({ nodes: { 'node-3': { postgres: { replayLsn: '0/1000000' } } } });
    const group = snapshot.groups.get('alpha')!;
    const [finding] = analyseGroup({
      ...snapshot,
      group,
      primary: group.members[0]!,
      standbys: group.members.slice(1),
      operation: null,
      planned: null,
    });
    expect(finding).toMatchObject({ sentence: 'node-3 is 32.0 MB behind; limit 16.0 MB.', group: 'alpha' });
  });
});

describe('while an operation changes the primary', () => {
  const atMs = cluster().atMs;
  const released = { leaseReleased: true, operation: 'op-1' };
  const waiting = { walReceiver: null } as const;
  const rows: readonly [string, FixtureOptions, number, readonly string[]][] = [
    ['in time', {}, 100, ['info primary-changing -']],
    ['overrun', {}, 9_000, ['critical lease-expired node-1']],
    [
      'the others wait for the new primary',
      { nodes: { 'node-1': { postgres: { state: 'stopped' } }, 'node-3': { postgres: waiting } } },
      100,
      ['info primary-changing -'],
    ],
    [
      'another member is silent',
      { nodes: { 'node-3': { ageMs: 5_000 } } },
      100,
      ['info primary-changing -', 'warning node-silent node-3'],
    ],
    [
      'the agent of the old primary is gone',
      { nodes: { 'node-1': { ageMs: 5_000 } } },
      100,
      ['info primary-changing -', 'critical node-silent node-1'],
    ],
    [
      'no voter is left',
      { nodes: { 'node-3': { ageMs: 5_000 }, 'node-2': { postgres: { state: 'crashed' } } } },
      100,
      ['critical lease-expired node-1', 'critical commits-wait -', 'warning node-silent node-3'],
    ],
    [
      'a member has trouble: told again as a warning when the change is over',
      { nodes: { 'node-3': { report: { troubles: ['PostgreSQL of node-2 is standby.'] } } } },
      100,
      ['info primary-changing -', 'info node-trouble node-3'],
    ],
    [
      'a disk is full',
      { nodes: { 'node-3': { report: { diskUsedBytes: 97 } } } },
      100,
      ['info primary-changing -', 'critical disk-nearly-full node-3'],
    ],
  ];
  it.each(rows)('%s', (_what, options, agoMs, expected) => {
    expect(rulesOf({ ...options, group: released }, switchover(atMs - agoMs))).toEqual(expected);
  });

  it('the new primary serves and its standbys do not follow it yet: commits wait, as planned', () => {
    const nodes = { 'node-2': { postgres: waiting }, 'node-3': { postgres: waiting } };
    const options = { group: { operation: 'op-1' }, nodes };
    expect(rulesOf(options, switchover(atMs - 100))).toEqual([
      'info primary-changing -',
      'info standby-not-streaming node-2',
      'info standby-not-streaming node-3',
    ]);
    expect(rulesOf({ group: { operation: 'op-1' } }, switchover(atMs - 100))).toEqual([]);
  });

  it('a primary that dies while an operation of another kind holds the group is told', () => {
    const options = { group: { operation: 'op-1' }, nodes: { 'node-1': { postgres: { state: 'crashed' } } } } as const;
    const other = switchover(atMs, { request: { kind: 'rejoin-node', node: 'node-3' }, only: ['wait-streaming'] });
    expect(rulesOf(options, other)).toEqual(['critical postgres-down node-1']);
  });
});

describe('analysis of the control store', () => {
  const look = (hasQuorum: boolean, fresh: readonly string[]) => {
    const silent = Object.fromEntries(
      ['node-1', 'node-2', 'node-3'].filter((id) => !fresh.includes(id)).map((id) => [id, { ageMs: 9_000 }]),
    );
    const snapshot = cluster({ hasQuorum, nodes: silent });
    return controlQuorum({
      config: snapshot.config,
      raft: snapshot.raft,
      voterNodes: [...snapshot.nodes.values()],
    }).map((f) => f.rule);
  };
  it.each([
    ['all answer', true, ['node-1', 'node-2', 'node-3'], []],
    ['one loss from the end', true, ['node-1', 'node-2'], ['control-quorum-thin']],
    ['no majority', false, ['node-1'], ['control-quorum-lost']],
  ] as const)('%s', (_name, hasQuorum, fresh, expected) => {
    expect(look(hasQuorum, fresh)).toEqual(expected);
  });
});
