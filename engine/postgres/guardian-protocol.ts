/** What an agent and its PostgreSQL's guardian say to each other: JSON lines over a unix socket. */

/**
 * Of this protocol and of what a guardian does by itself. A running server keeps the guardian of the release that started it, so an agent may talk to
 * an older one: a command that it does not know is answered as if it had been done. So nothing is sent to it that its version does not know, and it is
 * let go with its server's next stop.
 */
export const guardianVersion = 2;

export type GuardianRole = 'primary' | 'standby';

/** Instants on the host's monotonic clock (CLOCK_MONOTONIC, ms), which all its processes share: a word that waited in a frozen socket is old. */
export type Deadline = {
  /** Immediate stop begins. */
  readonly stopAt: number;
  /** SIGKILL of all that is left. */
  readonly killAt: number;
};

export type GuardianCommand =
  | {
      readonly kind: 'start';
      readonly id: number;
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly uid: number | null;
      readonly gid: number | null;
      readonly outputFile: string;
      readonly role: GuardianRole;
      readonly deadline: Deadline | null;
    }
  | { readonly kind: 'stop'; readonly id: number; readonly mode: 'fast' | 'immediate'; readonly timeoutMs: number }
  | { readonly kind: 'kill'; readonly id: number }
  | { readonly kind: 'serve'; readonly deadline: Deadline }
  | { readonly kind: 'role'; readonly id: number; readonly role: GuardianRole; readonly deadline: Deadline | null }
  | { readonly kind: 'reload'; readonly id: number }
  /** The node stops for good: with no server left to guard, the guardian ends at once instead of waiting for another agent. */
  | { readonly kind: 'dismiss'; readonly id: number };

export type GuardianExit = {
  readonly at: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly cause: 'requested' | 'deadline' | 'died' | 'orphaned';
};

export type GuardianEvent =
  | {
      readonly kind: 'hello';
      readonly guardianPid: number;
      readonly postmasterPid: number | null;
      readonly role: GuardianRole;
      /** An exit that no agent has heard of yet. */
      readonly unreported: GuardianExit | null;
      /** Absent: the first. */
      readonly version?: number;
    }
  | {
      readonly kind: 'reply';
      readonly id: number;
      readonly error: string | null;
      readonly postmasterPid: number | null;
    }
  | { readonly kind: 'exit'; readonly exit: GuardianExit };

export type GuardianOptions = {
  readonly socket: string;
  readonly dataDirectory: string;
  /** An exit that nobody was there to hear is kept here for the next agent. */
  readonly lastExitFile: string;
  /** A standby without an agent is stopped after this long, so that nothing outlives its cluster for ever. */
  readonly orphanMs: number;
};

export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Splits a byte stream into JSON lines. A line longer than 1 MB ends the connection. */
export class LineReader<T> {
  #rest = '';

  push(chunk: string): T[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > 1_000_000) throw new RangeError('line too long');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
  }
}
