import { describe, expect, it } from 'vitest';
import { cluster } from '../../testing/cluster-fixture';
import type { OperationRequest } from '../model';
import { concernsUnloggedTables } from './operation-kinds';
import { planOperation } from './plan';
import { unloggedTablesKept } from './unlogged-checks';

const cache = { database: 'app', tables: 1, rows: 1000, bytes: 65_536 };
const sessions = { database: 'shop', tables: 2, rows: 1, bytes: null };

const requests: Readonly<Record<string, OperationRequest>> = {
  switchover: { kind: 'failover', group: 'alpha', mode: 'switchover' },
  failover: { kind: 'failover', group: 'alpha', mode: 'failover' },
  automatic: {
    kind: 'failover',
    group: 'alpha',
    mode: 'failover',
    automatic: { rule: 'lease-expired', detectedAt: 'now' } as never,
  },
  restart: { kind: 'restart-node', node: 'node-1' },
  stop: { kind: 'stop-node', node: 'node-1', mode: 'fast' },
};

describe('unlogged tables in a plan', () => {
  it.each([
    ['switchover', true, true],
    ['failover', true, false],
    ['automatic', false, false],
    ['restart', true, true],
    ['stop', true, true],
  ])('%s: asked for a preview %s, for a run %s', (name, preview, run) => {
    expect(concernsUnloggedTables(requests[name]!, true)).toBe(preview);
    expect(concernsUnloggedTables(requests[name]!, false)).toBe(run);
  });

  it.each(['switchover', 'failover', 'restart', 'stop'])(
    '%s names how many tables, rows and bytes, and is not refused for it',
    (name) => {
      const plan = planOperation(requests[name]!, cluster(), { admin: true, unlogged: [cache, sessions] });
      expect(plan.checks.find((one) => one.rule === 'unlogged-tables')).toMatchObject({
        node: 'node-1',
        ok: false,
        severity: 'warning',
        measured:
          'app: 1 unlogged table with 64.0 kB, about 1000 rows; shop: 2 unlogged tables of unknown size, about 1 row',
      });
      expect(plan.refusal).toBeNull();
    },
  );

  it('of a standby that is restarted nothing is lost', () => {
    const plan = planOperation({ kind: 'restart-node', node: 'node-2' }, cluster(), { admin: true, unlogged: [cache] });
    expect(plan.checks.some((one) => one.rule === 'unlogged-tables')).toBe(false);
  });

  it('nothing is said where there are none, or nobody answered', () => {
    expect(unloggedTablesKept('node-1', [])).toEqual([]);
    expect(unloggedTablesKept('node-1', null)).toEqual([]);
  });

  it('names five databases and counts the rest', () => {
    const many = Array.from({ length: 7 }, (_, n) => ({ ...cache, database: `d${n}` }));
    expect(unloggedTablesKept('node-1', many)[0]?.measured).toMatch(/d4: .*; and 2 more databases$/);
  });
});
