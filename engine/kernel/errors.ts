/**
 * The one error table. Handlers and engine code throw ClusterError(code, …); every surface derives its own form
 * (HTTP status, tRPC code, GraphQL extension) from this table and from nothing else.
 */

type ErrorRow = {
  readonly http: number;
  readonly trpc: string;
  /** Whether the same call may succeed later without anyone changing it. */
  readonly retryable: boolean;
};

export const errorTable = {
  INVALID_INPUT: { http: 400, trpc: 'BAD_REQUEST', retryable: false },
  UNAUTHORIZED: { http: 401, trpc: 'UNAUTHORIZED', retryable: false },
  FORBIDDEN: { http: 403, trpc: 'FORBIDDEN', retryable: false },
  NOT_FOUND: { http: 404, trpc: 'NOT_FOUND', retryable: false },
  METHOD_NOT_ALLOWED: { http: 405, trpc: 'METHOD_NOT_SUPPORTED', retryable: false },
  REQUEST_TIMEOUT: { http: 408, trpc: 'TIMEOUT', retryable: true },
  CONFLICT: { http: 409, trpc: 'CONFLICT', retryable: false },
  PRECONDITION_FAILED: { http: 412, trpc: 'PRECONDITION_FAILED', retryable: false },
  PAYLOAD_TOO_LARGE: { http: 413, trpc: 'PAYLOAD_TOO_LARGE', retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, trpc: 'UNSUPPORTED_MEDIA_TYPE', retryable: false },
  RATE_LIMITED: { http: 429, trpc: 'TOO_MANY_REQUESTS', retryable: true },
  INTERNAL: { http: 500, trpc: 'INTERNAL_SERVER_ERROR', retryable: false },
  UNAVAILABLE: { http: 503, trpc: 'SERVICE_UNAVAILABLE', retryable: true },
  TIMEOUT: { http: 504, trpc: 'GATEWAY_TIMEOUT', retryable: true },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** The names RustyDB clients look for in `details.cluster_code`. */
export type ClusterCode =
  | 'CLU_NODE_NOT_FOUND'
  | 'CLU_GROUP_NOT_FOUND'
  | 'CLU_NO_QUORUM'
  | 'CLU_PRIMARY_NOT_FOUND'
  | 'CLU_STANDBY_NOT_READY'
  | 'CLU_REPLICATION_LAG'
  | 'CLU_OPERATION_RUNNING'
  | 'CLU_GUARD_MISMATCH'
  | 'CLU_PLAN_CHANGED'
  | 'CLU_NODE_UNREACHABLE'
  | 'CLU_NOT_LEADER'
  | 'CLU_REVISION_CONFLICT'
  | 'CLU_LEASE_HELD'
  | 'CLU_STALE_EPOCH'
  | 'CLU_REAUTHENTICATION_REQUIRED'
  | 'CLU_CONFIRMATION_REQUIRED'
  | 'CLU_APPROVAL_PENDING';

/** Why something is refused, machine-readable. Shape of `details.reasons[]` on the wire. */
export type Reason = {
  /** kebab-case rule name, e.g. `standby-lag`. */
  readonly rule: string;
  /** What was measured, with unit, or null when it could not be. */
  readonly measured: string | null;
  readonly limit: string | null;
  /** One sentence: what to do about it. */
  readonly remedy: string;
  /** The node it speaks of, where it speaks of one. */
  readonly node?: string;
};

export type ErrorDetails = {
  readonly clusterCode?: ClusterCode;
  readonly reasons?: readonly Reason[];
  /** Free additional fields, already in wire form (snake_case JSON). */
  readonly extra?: Readonly<Record<string, unknown>>;
};

/** JSON form in which an error crosses the interconnect. */
export type ClusterErrorJson = { readonly code: ErrorCode; readonly message: string } & ErrorDetails;

export class ClusterError extends Error {
  override readonly name = 'ClusterError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
  ) {
    super(message);
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  toJSON(): ClusterErrorJson {
    return { code: this.code, message: this.message, ...this.details };
  }

  static fromJSON(json: ClusterErrorJson): ClusterError {
    const { code, message, ...details } = json;
    return new ClusterError(code in errorTable ? code : 'INTERNAL', message, details);
  }
}

/** Across bundles `instanceof` lies; this looks at the shape. */
export function isClusterError(error: unknown): error is ClusterError {
  return error instanceof Error && error.name === 'ClusterError' && 'code' in error;
}

/** A broken invariant is a bug: it stops the process rather than continue with unsafe state. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
