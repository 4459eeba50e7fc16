/** One global transaction in the coordinator's memory. States and their meaning: SPEC.md. */
import type { Timer } from '../kernel/loop';
import type { XaCode } from './core/calls';
import type { BranchMode, BranchState, BranchView, TransactionState, XaTransaction } from './door';
import type { BranchSession, ResourceManager } from './resource-manager';

export type Branch = {
  readonly manager: ResourceManager;
  readonly mode: BranchMode;
  readonly identifier: string;
  /** Of a managed branch, until it is prepared or over. */
  session: BranchSession | null;
  state: BranchState;
  statements: number;
  error: string | null;
  preparedAt: string | null;
  endedAt: string | null;
};

export class Transaction {
  state: TransactionState = 'active';
  decision: 'commit' | 'abort' | null = null;
  decidedAt: string | null = null;
  endedAt: string | null = null;
  deadlineAt: string | null = null;
  reason: string | null = null;
  /** The standard's code for why it rolls back. */
  code: XaCode = 'XA_RBROLLBACK';
  deadline: Timer | null = null;
  branches: Branch[] = [];
  warnings: string[] = [];
  /** Statements that run now. */
  executing = 0;
  /** The call that is at work; the next one waits for none: it is refused. */
  busy: Promise<unknown> | null = null;

  constructor(
    readonly id: string,
    readonly xid: string,
    readonly coordinator: XaTransaction['coordinator'],
    readonly startedAt: string,
    readonly startedAtMs: number,
    readonly startedBy: string,
  ) {}

  get undecided(): boolean {
    return this.decision === null;
  }

  get over(): boolean {
    return this.state === 'committed' || this.state === 'rolled_back' || this.state === 'heuristic';
  }

  view(): XaTransaction {
    const {
      xid,
      id,
      state,
      coordinator,
      decision,
      decidedAt,
      startedAt,
      startedBy,
      endedAt,
      deadlineAt,
      reason,
      warnings,
    } = this;
    const branches = this.branches.map(branchView);
    return {
      xid,
      id,
      state,
      coordinator,
      decision,
      decidedAt,
      branches,
      startedAt,
      startedBy,
      endedAt,
      deadlineAt,
      reason,
      warnings,
    };
  }
}

function branchView({ manager, mode, identifier, state, statements, error, preparedAt, endedAt }: Branch): BranchView {
  return {
    resourceManager: manager.name,
    kind: manager.kind,
    mode,
    state,
    identifier,
    prepareWith: mode === 'application' ? manager.prepareWith(identifier) : [],
    statements,
    error,
    preparedAt,
    endedAt,
  };
}
