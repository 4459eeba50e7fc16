/** Exit codes that a script can trust. Documented in docs/cli.md; never renumbered. */

export const exitCodes = {
  ok: 0,
  /** Something that should not happen, here or in the server. */
  unexpected: 1,
  /** The command line or an input is wrong. */
  usage: 2,
  /** No identity, or not the role for it. */
  denied: 3,
  notFound: 4,
  /** The cluster's present state does not allow it, or a guard did not hold. */
  refused: 5,
  /** Not reachable, busy or too late: the same command may be tried again. */
  tryAgain: 6,
  /** `--wait`: the operation ended without success. */
  operationFailed: 7,
} as const;

const byErrorCode: Readonly<Record<string, number>> = {
  INVALID_INPUT: exitCodes.usage,
  METHOD_NOT_ALLOWED: exitCodes.usage,
  PAYLOAD_TOO_LARGE: exitCodes.usage,
  UNSUPPORTED_MEDIA_TYPE: exitCodes.usage,
  UNAUTHORIZED: exitCodes.denied,
  FORBIDDEN: exitCodes.denied,
  NOT_FOUND: exitCodes.notFound,
  CONFLICT: exitCodes.refused,
  PRECONDITION_FAILED: exitCodes.refused,
  REQUEST_TIMEOUT: exitCodes.tryAgain,
  RATE_LIMITED: exitCodes.tryAgain,
  UNAVAILABLE: exitCodes.tryAgain,
  TIMEOUT: exitCodes.tryAgain,
};

/** `clusterCode` CLU_NO_QUORUM is 403 on the wire, and is over when the voters are back. */
export function exitCodeOf(code: string, clusterCode?: unknown): number {
  if (clusterCode === 'CLU_NO_QUORUM') return exitCodes.tryAgain;
  return byErrorCode[code] ?? exitCodes.unexpected;
}

const errorCodes: Readonly<Record<number, string>> = {
  [exitCodes.usage]: 'INVALID_INPUT',
  [exitCodes.refused]: 'CONFLICT',
  [exitCodes.tryAgain]: 'UNAVAILABLE',
  [exitCodes.operationFailed]: 'OPERATION_FAILED',
};

/** What a failure is called that no server has named. */
export function errorCodeOf(exitCode: number): string {
  return errorCodes[exitCode] ?? 'UNEXPECTED';
}
