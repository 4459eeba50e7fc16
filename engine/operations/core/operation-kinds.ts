/** The kinds of operation there are, and what the machine reads of them. Total by type: a kind without rules doesn't compile. */
import type { OperationKind, OperationRequest } from '../model';
import type { OperationRules, Settings } from './operation-kind';
import { addNode } from './plan-add-node';
import { changeSettings } from './plan-change-settings';
import { configureReplication } from './plan-configure-replication';
import { createSlot } from './plan-create-slot';
import { dropSlot } from './plan-drop-slot';
import { failover } from './plan-failover';
import { maintenance } from './plan-maintenance';
import { rejoinNode } from './plan-rejoin-node';
import { removeNode } from './plan-remove-node';
import { restartNode } from './plan-restart-node';
import { startNode } from './plan-start-node';
import { stopNode } from './plan-stop-node';

const rules: { readonly [K in OperationKind]: OperationRules<K> } = {
  failover,
  'start-node': startNode,
  'stop-node': stopNode,
  'restart-node': restartNode,
  'rejoin-node': rejoinNode,
  maintenance,
  'add-node': addNode,
  'remove-node': removeNode,
  'configure-replication': configureReplication,
  'change-settings': changeSettings,
  'create-slot': createSlot,
  'drop-slot': dropSlot,
};

/** In the order in which they were added. */
export const operationKinds = Object.keys(rules) as readonly OperationKind[];

/** Null: a newer release wrote the request. */
export function rulesOf({ kind }: Pick<OperationRequest, 'kind'>): OperationRules<OperationKind> | null {
  // Each takes its own requests only, and is found by the request's kind.
  return Object.hasOwn(rules, kind) ? (rules[kind] as unknown as OperationRules<OperationKind>) : null;
}

export function concernsSlots(request: OperationRequest): boolean {
  return rulesOf(request)?.concernsSlots?.(request) ?? false;
}

export function concernsUnloggedTables(request: OperationRequest, preview: boolean): boolean {
  return rulesOf(request)?.concernsUnloggedTables?.(request, preview) ?? false;
}

/** Null: it is no change of settings. */
export function settingsOf(request: OperationRequest): Settings | null {
  return rulesOf(request)?.settings?.(request) ?? null;
}

export function scheduledAtOf(request: OperationRequest): string | null {
  return rulesOf(request)?.scheduledAt?.(request) ?? null;
}

/** `failover`, `switchover`, `restart node` …: the operation in a sentence. */
export function wordOf(request: OperationRequest): string {
  return rulesOf(request)?.word?.(request) ?? request.kind.replaceAll('-', ' ');
}
