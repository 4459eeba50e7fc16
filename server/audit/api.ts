/** The audit log as procedures see it; writing is the surfaces' business (server/surfaces/invoke.ts). */

export type AuditOutcome = 'succeeded' | 'refused' | 'failed' | 'unknown';

export type AuditEntry = {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly clientAddress: string;
  readonly surface: string;
  readonly requestId: string;
  readonly procedure: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly outcome: AuditOutcome;
  readonly code: string | null;
  readonly message: string | null;
  readonly operationId: string | null;
  readonly durationMs: number | null;
  readonly hash: string;
};

export type AuditFilter = {
  readonly limit: number;
  /** Only entries with a smaller sequence. */
  readonly before: number | null;
  readonly actor: string | null;
  readonly procedure: string | null;
  readonly outcome: AuditOutcome | null;
  readonly from: string | null;
  readonly to: string | null;
};

export interface AuditTrail {
  /** Newest first. */
  list(filter: AuditFilter): Promise<{ readonly entries: readonly AuditEntry[]; readonly next: number | null }>;
  /** All of them, newest first, without holding them. */
  entries(filter: Omit<AuditFilter, 'limit'>): AsyncIterable<AuditEntry>;
  verify(): Promise<{
    readonly ok: boolean;
    readonly lines: number;
    readonly firstBadLine: number | null;
    readonly message: string;
    readonly head: string | null;
    /** This log, and how much of it the control store vouches for; null: nothing yet, or it could not be asked. */
    readonly writer: string;
    readonly anchoredLines: number | null;
    readonly anchoredAt: string | null;
    /** Logs of other consoles of this cluster: verified there. */
    readonly otherWriters: readonly {
      readonly writer: string;
      readonly anchoredLines: number;
      readonly anchoredAt: string;
    }[];
  }>;
}
