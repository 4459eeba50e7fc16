import { expect, it } from 'vitest';
import { operationKind, operationName } from './operation-name';

it.each([
  [{ kind: 'failover', group: 'alpha', request: { mode: 'switchover' } }, 'Switchover of alpha'],
  [{ kind: 'failover', group: 'alpha', request: { mode: 'failover' } }, 'Failover of alpha'],
  [{ kind: 'restart-node', group: 'alpha', request: { node: 'node-2' } }, 'Restart node node-2'],
  [{ kind: 'configure-replication', group: 'beta', request: {} }, 'Configure replication of beta'],
  [{ kind: 'add-node', group: null, request: {} }, 'Add node'],
] as const)('%j is called %s', (operation, name) => expect(operationName(operation)).toBe(name));

it('its kind alone', () => {
  expect(operationKind({ kind: 'failover', request: { mode: 'switchover' } })).toBe('Switchover');
});
