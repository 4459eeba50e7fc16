import { describe, expect, it } from 'vitest';
import { cluster } from '../../testing/cluster-fixture';
import type { OperationRequest } from '../model';
import { planOperation } from './plan';
import { shapeFaults } from './request-shape';

const slot = { name: 'feed', type: 'physical', plugin: null, database: null, failover: false };
const requests = [
  { kind: 'failover', group: 'alpha', mode: 'switchover' },
  { kind: 'start-node', node: 'node-2' },
  { kind: 'stop-node', node: 'node-2', mode: 'fast' },
  { kind: 'restart-node', node: 'node-2' },
  { kind: 'rejoin-node', node: 'node-2' },
  { kind: 'maintenance', node: 'node-2', enabled: true },
  { kind: 'add-node', node: 'node-9', group: 'alpha', region: 'r', host: '127.0.0.1' },
  { kind: 'remove-node', node: 'node-2' },
  { kind: 'configure-replication', group: 'alpha', mode: 'synchronous', standbys: ['node-2'], settings: {} },
  { kind: 'change-settings', group: 'alpha', settings: { work_mem: null } },
  { kind: 'create-slot', group: 'alpha', slot },
  { kind: 'drop-slot', group: 'alpha', node: 'node-1', name: 'feed' },
] as unknown as readonly OperationRequest[];

const planned = (request: OperationRequest) => planOperation(request, cluster(), { admin: true });

describe.each(requests)('a request of kind $kind', (request) => {
  it('is planned when it holds all that its planner reads', () => {
    expect(shapeFaults(request)).toEqual([]);
    expect(planned(request).steps.length + (planned(request).refusal === null ? 0 : 1)).toBeGreaterThan(0);
  });

  const fields = Object.keys(request).filter((field) => field !== 'kind');
  it.each(fields.flatMap((field) => [null, undefined, 7].map((value) => [field, value] as const)))(
    'is refused in words with %s = %s',
    (field, value) => {
      const { refusal } = planned({ ...request, [field]: value } as unknown as OperationRequest);
      expect(refusal).toMatchObject({ code: 'INVALID_INPUT', reasons: [{ rule: 'request-complete' }] });
      expect(refusal?.message).toContain(`${field} is ${value === undefined ? 'absent' : value}`);
    },
  );
});
