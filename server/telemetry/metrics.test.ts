/** What /metrics tells, checked by a parser that is not ours; what docs/metrics.md says; and that rules and dashboard ask for what there is. */
import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import parse, { type Family } from 'parse-prometheus-text-format';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { Operation } from '@/engine/operations/model';
import type { EngineParams } from '@/engine/runtime/engine-api';
import { slot } from '@/engine/testing/slot-fixture';
import { type ConsoleFixture, startConsole } from '@/server/testing/console-fixture';
import { asked } from './testing/promql-names';
import { registerAsked } from './view-metric';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

async function scrape(): Promise<{ text: string; families: ReadonlyMap<string, Family> }> {
  const response = await console.request('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  return { text, families: new Map(parse(text).map((family) => [family.name, family])) };
}

async function value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | null> {
  const { families } = await scrape();
  const found = families
    .get(name)
    ?.metrics.find((one) => Object.entries(labels).every(([key, wanted]) => one.labels?.[key] === wanted));
  return found?.value === undefined ? null : Number(found.value);
}

const ours = (name: string) => !/^(process|nodejs)_/.test(name);
const nameOf = (metric: { readonly name: string }) => metric.name;

describe('the exposition', () => {
  it('is valid: the parser takes it, each family is told once, with help and type, and no series twice', async () => {
    const { text, families } = await scrape();
    expect(families.size).toBeGreaterThan(60);
    const told = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram|summary)$/gm)].map((match) => match[1]);
    expect(new Set(told).size).toBe(told.length);
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const sample =
      /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})? (-?[0-9.e+-]+|Na[nN]|[+-]Inf)$/;
    for (const line of series) expect(line).toMatch(sample);
    const keys = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(keys).size).toBe(keys.length);
    for (const family of families.values()) expect(family.help.length).toBeGreaterThan(5);
    for (const name of [...families.keys()].filter(ours)) expect(name).toMatch(/^rustydb_[a-z0-9_]+$/);
    for (const family of families.values()) {
      if (ours(family.name) && family.type === 'COUNTER') expect(family.name).toMatch(/_total$/);
    }
  });

  it('escapes what a name may hold', async () => {
    console.engine.change((view) => ({
      problems: [
        {
          rule: 'a "quoted" \\ rule\nover two lines',
          severity: 'warning',
          node: null,
          group: null,
          sentence: '',
          since: '',
          remedy: '',
        },
      ],
      nodes: view.nodes,
    }));
    const { families } = await scrape();
    expect(families.get('rustydb_cluster_problems')?.metrics).toHaveLength(1);
    console.engine.change(() => ({ problems: [] }));
  });
});

describe('the facts that Patroni exports too', () => {
  it.each<[string, Record<string, string>, number]>([
    ['rustydb_primary', { node: 'node-1' }, 1],
    ['rustydb_primary', { node: 'node-2' }, 0],
    ['rustydb_replica', { node: 'node-2' }, 1],
    ['rustydb_quorum_standby', { node: 'node-3' }, 1],
    ['rustydb_sync_standby', { node: 'node-3' }, 0],
    ['rustydb_xlog_location', { node: 'node-1' }, 0x5000000],
    ['rustydb_xlog_replayed_location', { node: 'node-2' }, 0x5000000 - 1000],
    ['rustydb_xlog_received_location', { node: 'node-1' }, 0],
    ['rustydb_postgres_server_version', { node: 'node-1' }, 180_004],
    ['rustydb_postgres_streaming', { node: 'node-2' }, 1],
    ['rustydb_postgres_in_archive_recovery', { node: 'node-2' }, 0],
    ['rustydb_cluster_unlocked', { group: 'alpha' }, 0],
    ['rustydb_is_paused', { group: 'beta' }, 0],
    ['rustydb_failsafe_mode_is_active', { group: 'alpha' }, 0],
  ])('%s %j is %d', async (name, labels, wanted) => {
    expect(await value(name, labels)).toBe(wanted);
  });

  it('follow what changes: no lease, no stream, a pause, fail-safe; what nobody can tell is absent', async () => {
    const before = console.engine.view;
    console.engine.change((view) => ({
      config: { ...view.config, autoFailover: false },
      groups: view.groups.map((group) => ({ ...group, leaseExpiresInMs: -5 })),
      nodes: view.nodes.map((node) =>
        node.record.id === 'node-2'
          ? { ...node, report: { ...node.report!, postgres: { ...node.report!.postgres, walReceiver: null } } }
          : node.record.id === 'node-3'
            ? { ...node, report: null, reportAgeMs: null }
            : node,
      ),
    }));
    expect(await value('rustydb_is_paused', { group: 'beta' })).toBe(1);
    expect(await value('rustydb_cluster_unlocked', { group: 'alpha' })).toBe(1);
    expect(await value('rustydb_postgres_in_archive_recovery', { node: 'node-2' })).toBe(1);
    expect(await value('rustydb_replica', { node: 'node-3' })).toBeNull();
    expect(await value('rustydb_dcs_last_seen', { node: 'node-3' })).toBeNull();
    console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
    expect(await value('rustydb_failsafe_mode_is_active', { group: 'alpha' })).toBe(1);
    expect(await value('rustydb_cluster_unlocked', { group: 'alpha' })).toBeNull();
    console.engine.change(() => before);
  });
});

describe('calls', () => {
  it('are counted with the code they ended with, also where the answer was cached', async () => {
    for (const role of ['viewer', 'viewer', null] as const) await console.request('/api/v1/cluster/nodes', { role });
    const { text } = await scrape();
    const counted = (code: string) =>
      `rustydb_api_request_duration_seconds_count{procedure="cluster.listNodes",surface="rest",code="${code}"}`;
    expect(text).toContain(`${counted('OK')} 2\n`);
    expect(text).toContain(`${counted('UNAUTHORIZED')} 1\n`);
  });
});

describe('what ends while the console runs', () => {
  it('is counted once, with the durations of its steps; what was before is not', async () => {
    const ended = async (trigger: 'switchover' | 'failover'): Promise<Operation> => {
      const params: EngineParams<'operation.start'> = {
        request: { kind: 'failover', group: 'alpha', mode: trigger },
        requester: { by: 'test', reason: null, requestId: null, admin: true },
        planHash: null,
        idempotencyKey: null,
      };
      const operation = await console.engine.leader('operation.start', params);
      console.engine.finish(operation.id, {
        state: 'succeeded',
        steps: operation.steps.map((step) => ({
          ...step,
          state: 'succeeded' as const,
          startedAt: '2026-01-01T00:00:00.000Z',
          finishedAt: '2026-01-01T00:00:00.250Z',
        })),
        finishedAt: '2026-01-01T00:00:02.000Z',
      });
      return operation;
    };
    const tell = (operation: Operation, timestamp = new Date().toISOString()) =>
      console.engine.emit({
        category: 'operation',
        eventType: 'operation_completed',
        payload: { operation_id: operation.id, kind: 'failover', state: 'succeeded' },
        timestamp,
      });
    tell(await ended('failover'), '2020-01-01T00:00:00.000Z');
    const operation = await ended('switchover');
    tell(operation);
    console.engine.emit({ eventType: 'leader_elected', payload: { leader: 'node-2', term: 3 } });
    await expect
      .poll(() => value('rustydb_failovers_total', { group: 'alpha', trigger: 'switchover', outcome: 'succeeded' }))
      .toBe(1);
    // A series that is born at 1 has no increase: those of what may happen stand at 0.
    expect(await value('rustydb_failovers_total', { group: 'beta', trigger: 'failover', outcome: 'failed' })).toBe(0);
    expect(await value('rustydb_operations_total', { kind: 'add-node', outcome: 'failed' })).toBe(0);
    expect(await value('rustydb_operations_total', { kind: 'failover', outcome: 'succeeded' })).toBe(1);
    expect(await value('rustydb_raft_leader_changes_total')).toBe(1);
    const { text } = await scrape();
    expect(text).toContain('rustydb_operation_duration_seconds_sum{kind="failover",outcome="succeeded"} 2\n');
    for (const step of operation.steps) {
      const labels = `kind="failover",step="${step.action ?? step.name}",outcome="succeeded"`;
      expect(text).toContain(`rustydb_operation_step_duration_seconds_sum{${labels}} 0.25\n`);
    }
  });

  it('the audit log is checked in the background', async () => {
    await expect.poll(() => value('rustydb_audit_chain_intact')).toBe(1);
    expect(await value('rustydb_audit_chain_checked_time')).toBeGreaterThan(1_700_000_000);
  });
});

describe('docs/metrics.md', () => {
  const documented = [
    ...readFileSync('docs/metrics.md', 'utf8').matchAll(
      /^\| `(rustydb_\w+)` \| (counter|gauge|histogram) \| ([\w, ]*)\| (.+) \|$/gm,
    ),
  ].map((row) => ({ name: row[1]!, type: row[2]!, labels: row[3]!.split(',').flatMap((one) => one.trim() || []) }));

  it('names exactly what is exported, with its labels', () => {
    const exported = console.services.gate.metrics.families().filter(({ name }) => ours(name));
    const shown = (all: readonly { name: string; labels: readonly string[] }[]) =>
      all.map(({ name, labels }) => `${name}{${labels.join(',')}}`).sort();
    expect(shown(documented)).toEqual(shown(exported));
  });

  it('has their types', async () => {
    const { families } = await scrape();
    for (const { name, type } of documented) {
      const told = families.get(name);
      if (told) expect([name, told.type.toLowerCase()]).toEqual([name, type]);
    }
  });

  it('maps names of Patroni to names that are exported', () => {
    const mapped = [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `patroni_(\w+)` \| `rustydb_(\w+)` \|/gm)];
    expect(mapped.length).toBeGreaterThan(15);
    for (const [, theirs, here] of mapped) expect(here).toBe(theirs);
    const names = new Set(documented.map(nameOf));
    for (const [, , here] of mapped) expect(names).toContain(`rustydb_${here}`);
  });
});

describe('slots and stalls', () => {
  it('each slot is told with what it keeps, its reader and its state', async () => {
    const slots = [
      slot('feed', { retainedBytes: 7_000 }),
      slot('rustydb_node_2', { active: true, walStatus: 'extended' }),
      slot('gone', { retainedBytes: null, walStatus: null, invalidationReason: 'wal_removed' }),
    ];
    console.engine.change((view) => ({
      nodes: view.nodes.map((node) =>
        node.record.id === 'node-1'
          ? {
              ...node,
              report: { ...node.report!, postgres: { ...node.report!.postgres, slots, slotWalKeepBytes: 9_000 } },
            }
          : node,
      ),
    }));
    const of = (name: string) => ({ node: 'node-1', group: 'alpha', slot: name });
    expect(await value('rustydb_slot_retained_bytes', { ...of('feed'), owner: 'user' })).toBe(7_000);
    expect(await value('rustydb_slot_retained_bytes', of('gone'))).toBeNull();
    expect(await value('rustydb_slot_active', { ...of('rustydb_node_2'), owner: 'engine' })).toBe(1);
    expect(await value('rustydb_slot_active', of('feed'))).toBe(0);
    expect(await value('rustydb_slot_wal_status', { ...of('rustydb_node_2'), status: 'extended' })).toBe(1);
    expect(await value('rustydb_slot_wal_status', { ...of('gone'), status: 'lost' })).toBe(1);
    expect(await value('rustydb_node_slot_wal_limit_bytes', { node: 'node-1' })).toBe(9_000);
  });

  it('stalls are the histogram that the agent keeps', async () => {
    const { text } = await scrape();
    const name = 'rustydb_node_event_loop_stall_seconds';
    expect(text).toContain(`# TYPE ${name} histogram`);
    const told = text.split('\n').filter((line) => line.startsWith(name) && line.includes('node="node-1"'));
    const of = (suffix: string, le?: string) =>
      told
        .find((line) => line.startsWith(`${name}_${suffix}`) && (!le || line.includes(`le="${le}"`)))
        ?.split(' ')
        .at(-1);
    expect(['0.02', '0.5', '2', '+Inf'].map((le) => of('bucket', le))).toEqual(['900', '995', '999', '1000']);
    expect([of('count'), of('sum')]).toEqual(['1000', '24.5']);
  });
});

describe('rules and dashboard', () => {
  type Rule = { alert: string; expr: string; annotations: { summary: string; description: string; runbook: string } };
  const rules = (
    parseYaml(readFileSync('docs/alerts/rustydb.rules.yml', 'utf8')) as { groups: { name: string; rules: Rule[] }[] }
  ).groups.flatMap((group) => group.rules);
  type Panel = { title: string; type: string; targets?: { expr: string }[]; panels?: Panel[] };
  const dashboard = JSON.parse(readFileSync('docs/grafana/rustydb.json', 'utf8')) as {
    panels: Panel[];
    annotations: { list: { expr: string }[] };
    templating: { list: { definition?: string }[] };
  };

  /** Names and labels that an expression uses; a syntax error is told with its place. */
  const exported = () =>
    new Map(console.services.gate.metrics.families().map(({ name, labels }) => [name, new Set(labels)] as const));

  function check(where: string, expression: string): void {
    // Grafana puts these in before Prometheus sees them.
    const text = expression.replaceAll('$__rate_interval', '5m').replaceAll(/"\$(\w+)"/g, '".*"');
    for (const { name, labels } of asked(parser, text)) {
      if (name === 'up') continue;
      const family = exported().get(name) ?? exported().get(name.replace(/_(bucket|sum|count)$/, ''));
      expect(family, `${where}: ${name}`).toBeDefined();
      for (const label of labels) {
        // Of the scrape, not of the metric.
        if (label === 'job' || label === 'instance' || (label === 'le' && name.endsWith('_bucket'))) continue;
        expect([...family!], `${where}: ${name}{${label}}`).toContain(label);
      }
    }
  }

  it('every alert asks for what is exported and names a page that exists', () => {
    expect(rules.length).toBeGreaterThan(20);
    for (const { alert, expr, annotations } of rules) {
      check(alert, expr);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
      expect(() => readFileSync(annotations.runbook), alert).not.toThrow();
    }
    const names = rules.map((rule) => rule.alert);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    'NoPrimary',
    'NotWritable',
    'CommitsWait',
    'Degraded',
    'StandbyLagsBytes',
    'DiskFills',
    'NoQuorum',
    'AuditChainBroken',
    'ApiErrors',
    'SlotKeepsWal',
  ])('there is an alert Rustydb%s', (name) => {
    expect(rules.map((rule) => rule.alert)).toContain(`Rustydb${name}`);
  });

  it('every panel, annotation and variable asks for what is exported', () => {
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    expect(panels.filter((panel) => panel.type === 'row').map((panel) => panel.title)).toEqual([
      'Overview',
      'Groups',
      'Nodes',
      'Control store',
      'API',
    ]);
    let count = 0;
    for (const panel of panels)
      for (const { expr } of panel.targets ?? []) {
        check(panel.title, expr);
        count++;
      }
    expect(count).toBeGreaterThan(40);
    for (const { expr } of dashboard.annotations.list) check('annotation', expr);
    for (const { definition } of dashboard.templating.list) {
      const query = definition && /^label_values\((.+), (\w+)\)$/.exec(definition);
      if (query) check('variable', `sum by (${query[2]}) (${query[1]})`);
    }
  });

  it('the check itself finds a misspelt name, a label that is not there and a syntax error', () => {
    expect(() => check('x', 'rustydb_group_writeable == 0')).toThrow();
    expect(() => check('x', 'rustydb_group_writable{node="a"}')).toThrow();
    expect(() => check('x', 'sum by (group (rustydb_group_writable)')).toThrow();
  });
});

it.each(['gauge', 'counter'] as const)('a %s of what is not known yet has no sample', async (type) => {
  const registry = new Registry();
  let known: number | null = null;
  registerAsked(registry, { name: 'asked', help: 'h', labels: [], type, samples: () => [[{}, known]] });
  expect(await registry.metrics()).not.toMatch(/^asked /m);
  known = 2;
  expect(await registry.metrics()).toMatch(/^asked 2$/m);
  known = null;
  expect(await registry.metrics()).not.toMatch(/^asked /m);
});
