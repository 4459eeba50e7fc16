/** What the coordinator needs of a resource manager; one implementation per protocol. */
import { ClusterError, type ErrorDetails } from '../kernel/errors';
import { errorOf, type XaCode } from './core/calls';
import type { BranchName } from './core/identifier';
import type { ManagerHealth, ManagerKind, PreparedTransaction, Statement, StatementResult } from './door';

/** One managed branch: a session inside its transaction. */
export interface BranchSession {
  /** Rejects with the server's own error (`code`: SQLSTATE); the branch can only be rolled back then. */
  execute(statement: Statement): Promise<StatementResult>;
  /** `read_only`: nothing was changed, it is over. When it rejects, the branch may be prepared all the same. */
  prepare(): Promise<'prepared' | 'read_only'>;
  /** Without a prepare. When the session is lost meanwhile, nobody knows. */
  commitOnePhase(): Promise<void>;
  rollback(): Promise<void>;
  /** Why the session can't be used any more; null: it can. */
  readonly lost: string | null;
  onLost(callback: () => void): void;
  /** Ends the session at once; the server rolls back what isn't prepared. */
  abandon(): void;
  readonly abandoned: boolean;
}

export interface ResourceManager {
  readonly kind: ManagerKind;
  readonly name: string;
  identifierOf(branch: BranchName): string;
  /** What an application's own session runs around its statements. */
  prepareWith(identifier: string): readonly string[];
  begin(identifier: string): Promise<BranchSession>;
  /** Second phase. `absent`: no such branch is prepared (it ended before). */
  finish(identifier: string, outcome: 'commit' | 'abort'): Promise<'done' | 'absent'>;
  isPrepared(identifier: string): Promise<boolean>;
  prepared(): Promise<readonly PreparedTransaction[]>;
  check(): Promise<ManagerHealth>;
  close(): void;
}

export function xaError(code: XaCode, message: string, details: ErrorDetails = {}): ClusterError {
  return new ClusterError(errorOf[code], `${code}: ${message}`, {
    ...details,
    extra: { xa_code: code, ...details.extra },
  });
}

/** JSON form of what a driver gives. */
export function plainValue(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  return value;
}

/** More than this of one answer, and the session is ended: the agent's memory is the lease's. */
export const answerBytesLimit = 8 * 1024 * 1024;
