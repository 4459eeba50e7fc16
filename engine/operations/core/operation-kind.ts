/**
 * What the machine must know of a kind of operation, beside how its steps run: one object per kind, in the file of its planner. The dispatcher, the
 * check of requests, the questions to servers, deadlines, words, wire enums and metrics read it, so a new kind touches none of them.
 */
import type { OperationKind, OperationRequest } from '../model';
import type { Plan, PlanContext } from './plan-model';
import type { ClusterSnapshot } from './snapshot';

export type RequestOf<K extends OperationKind> = Extract<OperationRequest, { kind: K }>;

/** What a field of a request must be before it is planned; optional fields aren't listed. */
export type Shape = 'text' | 'flag' | 'names' | 'map' | 'object';

export type Settings = Readonly<Record<string, string | null>>;

export type OperationRules<K extends OperationKind> = {
  readonly kind: K;
  readonly holds: Readonly<Record<string, Shape>>;
  plan(request: RequestOf<K>, snapshot: ClusterSnapshot, context: PlanContext): Plan;
  /** Whether the plan looks at the slots of the group's members; absent: never. */
  concernsSlots?(request: RequestOf<K>): boolean;
  /** Whether the plan says what unlogged tables lose. `preview`: nobody waits for a failover that is only looked at; one that runs asks nobody. */
  concernsUnloggedTables?(request: RequestOf<K>, preview: boolean): boolean;
  /** The PostgreSQL settings that it changes: servers are asked whether they know them and would start with them. */
  settings?(request: RequestOf<K>): Settings;
  /** ISO time before which it does not begin; null: at once. */
  scheduledAt?(request: RequestOf<K>): string | null;
  /** How long its caller lets it take until its point of no return; undefined: as long as its steps may. */
  deadlineMs?(request: RequestOf<K>): number | undefined;
  /** In a sentence; absent: the kind with spaces. */
  word?(request: RequestOf<K>): string;
};

export function defineOperation<K extends OperationKind>(rules: OperationRules<K>): OperationRules<K> {
  return rules;
}
