import { describe, expect, it } from 'vitest';
import { actsWithoutStandby } from '../../cluster/core/voter-set';
import { cluster, type FixtureOptions } from '../../testing/cluster-fixture';
import type { OperationRequest } from '../model';
import { type Plan, planOperation } from './plan';

const plan = (request: OperationRequest, options: FixtureOptions = {}, admin = true): Plan =>
  planOperation(request, cluster(options), { admin });
const names = (of: Plan) => of.steps.map((step) => step.name);
const reasons = (of: Plan) =>
  (of.refusal?.reasons ?? []).map((reason) => `${reason.rule}${reason.node ? ` ${reason.node}` : ''}`);

const switchover: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'switchover' };
const failover: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'failover' };
const down = { 'node-1': { ageMs: 9_000 } };

describe('what standbys must not have lower than the primary, before a planned change', () => {
  const usual = {
    max_connections: 200,
    max_worker_processes: 16,
    max_wal_senders: 16,
    max_prepared_transactions: 64,
    max_locks_per_transaction: 64,
  };
  const more = { ...usual, max_wal_senders: 25 };
  const runs = (running: typeof usual, required = running) => ({ postgres: { parameters: { running, required } } });

  it('no member with less than the primary runs with is promoted, or left behind', () => {
    const nodes = { 'node-1': runs(more), 'node-2': runs(usual, more), 'node-3': runs(more) };
    const made = plan(switchover, { nodes });
    expect(made.chosen).toBe('node-3');
    expect(reasons(made)).toEqual(['standby-parameters node-2']);
    expect(made.candidates.find((one) => one.node === 'node-2')?.eligible).toBe(false);
  });
  it('members that will have less than the next primary restart after the change: said beforehand', () => {
    const nodes = { 'node-1': runs(usual), 'node-2': runs(more, usual), 'node-3': runs(usual) };
    const made = plan({ ...switchover, target: 'node-2' }, { nodes });
    expect(made.refusal).toBeNull();
    expect(made.checks.filter((entry) => !entry.ok)).toMatchObject([
      { rule: 'standby-parameters', node: 'node-3', severity: 'warning', measured: 'max_wal_senders = 16' },
    ]);
  });
  it('a failover is not held up by it: who promises restarts with enough first', () => {
    const nodes = { ...down, 'node-2': runs(usual, more), 'node-3': runs(usual, more) };
    expect(plan(failover, { nodes }).refusal).toBeNull();
  });
});

describe('limits that follow from the members of a group', () => {
  const parameters = {
    max_connections: 200,
    max_worker_processes: 16,
    max_wal_senders: 5,
    max_prepared_transactions: 64,
    max_locks_per_transaction: 64,
  };
  const add = (node: string, options: FixtureOptions = {}) =>
    plan({ kind: 'add-node', node, group: 'alpha', region: 'r', host: 'h' }, options);
  const few = { 'node-1': { postgres: { parameters: { running: parameters, required: parameters } } } };

  it('a name whose slot would not fit into 63 bytes is refused', () => {
    expect(add('n'.repeat(55)).refusal).toBeNull();
    expect(add('n'.repeat(56)).refusal).toMatchObject({ code: 'INVALID_INPUT', reasons: [{ rule: 'name-valid' }] });
  });
  it('members that were started with too few senders for one more restart first', () => {
    expect(names(add('node-9', { nodes: few })).slice(0, 2)).toEqual([
      'restart-postgres-node-2',
      'wait-streaming-node-2',
    ]);
    expect(names(add('node-9', { nodes: few })).at(-4)).toBe('register-node');
    expect(names(add('node-9'))[0]).toBe('register-node');
  });
  it('what an operator set is the operator’s to raise, and not to lower below what the members need', () => {
    expect(reasons(add('node-9', { nodes: few, group: { settings: { max_wal_senders: '5' } } }))).toEqual([
      'member-limits',
    ]);
    expect(reasons(plan({ kind: 'change-settings', group: 'alpha', settings: { max_wal_senders: '4' } }))).toEqual([
      'member-limits',
    ]);
    expect(plan({ kind: 'change-settings', group: 'alpha', settings: { max_wal_senders: '5' } }).refusal).toBeNull();
  });
});

describe('settings', () => {
  const known = new Map([
    ['work_mem', 'user'],
    ['block_size', 'internal'],
  ]);
  const planned = (
    settings: Record<string, string | null>,
    knownSettings: ReadonlyMap<string, string> | null = known,
  ) => planOperation({ kind: 'change-settings', group: 'alpha', settings }, cluster(), { admin: true, knownSettings });

  it.each([['work_memm'], ['block_size']])('refuses %s before anything is written', (name) => {
    const { refusal } = planned({ work_mem: '8MB', [name]: '8' });
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', reasons: [{ rule: 'setting-known' }] });
    expect(refusal?.message).toContain(name);
  });
  it('takes known ones, resets, and those of extensions with a warning', () => {
    expect(planned({ work_mem: '8MB', gone_since: null }).refusal).toBeNull();
    expect(
      planOperation({ kind: 'change-settings', group: 'alpha', settings: { archive_mode: 'off' } }, cluster(), {
        admin: true,
      }).refusal,
    ).toBeNull();
    const made = planned({ 'pg_hint_plan.enable_hint': 'on' });
    expect(made.refusal).toBeNull();
    expect(made.checks.filter((entry) => !entry.ok)).toMatchObject([{ rule: 'setting-known', severity: 'warning' }]);
  });
  it('refuses to lower one and raise another of what standbys must not have lower: each begins at the other end', () => {
    const made = planned({ max_connections: '150', max_wal_senders: '30' }, null);
    expect(reasons(made)).toEqual(['one-direction']);
    expect(made.refusal?.message).toContain('change max_wal_senders first, then max_connections');
  });
  it.each([
    'ssl', 'ssl_key_file', 'log_directory', 'logging_collector', 'lc_messages', 'dynamic_library_path', 'jit_provider', 'oauth_validator_libraries',
    'unix_socket_directories', 'cluster_name', 'recovery_target_lsn', 'event_triggers', 'session_replication_role', 'wal_receiver_status_interval',
    'archive_command', 'extension_control_path', 'ignore_invalid_pages',
  ])('%s, which names files, loads code or is what the engine relies on, is nobody’s to set', (name) => {
    expect(reasons(planned({ [name]: 'x' }, null))).toEqual(['setting-allowed']);
  }); // biome-ignore format: a list
  it.each(['plperl.on_plperlu_init', 'plperl.on_init', 'pltcl.start_proc', 'pljava.libjvm_location', 'pljava.classpath', 'made_up.log_directory'])(
    '%s of an extension runs code or opens files and is refused', (name) => {
    expect(reasons(planned({ [name]: 'x' }, null))).toEqual(['setting-allowed']);
  }); // biome-ignore format: a list
  it.each(['auto_explain.log_min_duration', 'pg_stat_statements.track', 'plpgsql.extra_warnings', 'app.tenant'])(
    '%s of an extension is settable',
    (name) => {
      expect(reasons(planned({ [name]: 'x' }, null))).toEqual([]);
    },
  );
  it('libraries are an admin’s, by bare name', () => {
    const load = (libraries: string, admin: boolean) =>
      planOperation(
        { kind: 'change-settings', group: 'alpha', settings: { shared_preload_libraries: libraries } },
        cluster(),
        { admin },
      );
    expect(load('pg_stat_statements, auto_explain', true).refusal).toBeNull();
    expect(load('', true).refusal).toBeNull();
    expect(load('pg_stat_statements', false).refusal).toMatchObject({ reasons: [{ rule: 'admin-only' }] });
    for (const odd of ['/tmp/evil', '$libdir/x', 'a.so', '../x'])
      expect(reasons(load(odd, true))).toEqual(['library-name']);
  });
  it('what a member’s own server says is said, and members of one host must fit into its memory together', () => {
    const tried = (refusal: string | null, sharedMemoryBytes: number | null) => ({
      refusal,
      sharedMemoryBytes,
      hostMemoryBytes: 8e9,
    });
    const asked = (verdicts: ReadonlyMap<string, ReturnType<typeof tried>>) =>
      planOperation({ kind: 'change-settings', group: 'alpha', settings: { shared_buffers: '3GB' } }, cluster(), {
        admin: true,
        verdicts,
      });
    const fine = asked(
      new Map([
        ['node-1', tried(null, 3e9)],
        ['node-2', tried(null, 3e9)],
      ]),
    );
    expect(fine.refusal).toBeNull();
    const full = asked(
      new Map([
        ['node-1', tried(null, 3e9)],
        ['node-2', tried(null, 3e9)],
        ['node-3', tried(null, 3e9)],
      ]),
    );
    expect(full.refusal).toMatchObject({ code: 'INVALID_INPUT', reasons: [{ rule: 'host-memory' }] });
    const words = asked(new Map([['node-2', tried('no such file', null)]]));
    expect(reasons(words)).toEqual(['postgres-accepts node-2']);
    expect(words.refusal?.message).toContain('PostgreSQL of node-2 would not start with this: no such file.');
  });
  it('says when no server could be asked', () => {
    const made = planned({ work_memm: '8MB' }, null);
    expect(made.refusal).toBeNull();
    expect(made.checks.find((entry) => entry.rule === 'setting-known')).toMatchObject({
      ok: false,
      severity: 'warning',
    });
  });
});

describe('replication', () => {
  const configure = (mode: 'synchronous', standbys: readonly string[]) =>
    plan({ kind: 'configure-replication', group: 'alpha', mode, standbys, settings: {} });

  it('from acknowledging standbys to none: an admin, who says that data may be lost', () => {
    const request = { kind: 'configure-replication', group: 'alpha', mode: 'asynchronous', standbys: [] } as const;
    const asked = (allowDataLoss: boolean, admin: boolean, options: FixtureOptions = {}) =>
      reasons(plan({ ...request, settings: {}, allowDataLoss }, options, admin));
    expect(asked(false, false)).toEqual(['admin-only', 'allow-data-loss']);
    expect(asked(true, false)).toEqual(['admin-only']);
    expect(asked(false, true)).toEqual(['allow-data-loss']);
    expect(asked(true, true)).toEqual([]);
    expect(asked(false, false, { group: { mode: 'asynchronous' } })).toEqual([]);
  });

  it('needs no standby named in the asynchronous mode, and one in the others', () => {
    const request = { kind: 'configure-replication', group: 'alpha', mode: 'asynchronous', standbys: [] } as const;
    expect(plan({ ...request, settings: {}, allowDataLoss: true }).refusal).toBeNull();
    expect(configure('synchronous', []).refusal).toMatchObject({
      code: 'INVALID_INPUT',
      reasons: [{ rule: 'names-standbys' }],
    });
  });
  it.each([
    ['synchronous', 'degrade', 'wait'],
    ['synchronous', 'wait', 'wait'],
    ['semi_synchronous', 'degrade', 'degrade'],
    ['semi_synchronous', 'wait', 'wait'],
    ['asynchronous', 'wait', 'degrade'],
  ] as const)('%s with %s wished does %s without a standby', (mode, onNoStandby, does) => {
    expect(actsWithoutStandby({ mode, onNoStandby })).toBe(does);
  });
});

it('warns when open sessions would use up the deadline', () => {
  const warned = (drainMs: number) =>
    plan({ ...switchover, drainMs, deadlineMs: 5_000 } as OperationRequest).checks.filter(
      (entry) => entry.rule === 'deadline-fits-drain' && !entry.ok,
    );
  expect(warned(5_000)).toMatchObject([{ severity: 'warning', limit: 'deadline of 5.00 s' }]);
  expect(warned(1_000)).toEqual([]);
});
