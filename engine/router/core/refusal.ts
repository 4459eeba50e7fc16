/** The sentences with which the router refuses or ends a connection: what happens and what to do, with the SQLSTATE drivers act on. */
import type { ServerError } from './error-response';

/** A second connection attempt is all the client has to do. */
const tryAgain = 'Connect again after a moment; the state of the group is shown in the console.';

export function heldTooLong(service: string, reason: string, heldMs: number): ServerError {
  return {
    severity: 'FATAL',
    code: '57P03',
    message: `service ${service} cannot accept connections now: ${reason}`,
    detail: `The connection was held for ${Math.round(heldMs)} ms, the configured limit.`,
    hint: tryAgain,
  };
}

export function tooManyHeld(service: string, limit: number): ServerError {
  return {
    severity: 'FATAL',
    code: '53300',
    message: `too many connections wait for a server of service ${service} (limit ${limit})`,
    hint: 'Use a connection pool in the application, and connect again once the group serves; its state is shown in the console.',
  };
}

export function tooManySessions(service: string, limit: number): ServerError {
  return {
    severity: 'FATAL',
    code: '53300',
    message: `service ${service} has reached its limit of ${limit} sessions`,
    hint: 'Close idle sessions or use a connection pool in the application.',
  };
}

/** `inFlight`: the client had sent something that was not answered yet. */
export function sessionEnded(reason: string, inFlight: boolean): ServerError {
  return {
    severity: 'FATAL',
    code: '57P01',
    message: `terminating connection: ${reason}`,
    detail: inFlight
      ? 'A statement was in progress. If it was a COMMIT, its outcome is unknown: check before repeating the transaction.'
      : 'No statement was in progress.',
    hint: 'Connect again; the service leads to the present primary.',
  };
}

/** PostgreSQL's own code and words for it. */
export function notAuthenticated(service: string, why: string): ServerError {
  return {
    severity: 'FATAL',
    code: '57014',
    message: `canceling authentication due to timeout: ${why}`,
    detail: `Service ${service} keeps few connections for clients that have not authenticated yet.`,
    hint: 'Answer the authentication request at once, and connect again.',
  };
}

export function badOpening(code: string, message: string): ServerError {
  return { severity: 'FATAL', code, message };
}
