/** Every bound of the router in one place; SPEC.md says what happens at each. */

export type RouterLimits = {
  /** Connections per service that wait for a server or are being connected to one. */
  readonly maxHeld: number;
  /** Open sessions per service. */
  readonly maxSessions: number;
  /** Connections per service that have not said who they are yet, and how long they may take. */
  readonly maxOpening: number;
  readonly openingMs: number;
  /** Connection attempts to servers at the same time, per service. */
  readonly maxConnecting: number;
  /** One attempt, until the server's first answer. */
  readonly connectMs: number;
  /** Pause before a held connection is tried again. */
  readonly retryMs: number;
  /** Bytes that a held client may send ahead. */
  readonly maxEarlyBytes: number;
  /** How long a closed side may take to read what is left. */
  readonly lingerMs: number;
  readonly maxCancels: number;
  readonly cancelMs: number;
  readonly keepAliveMs: number;
  /** Question to the believed primary; to the other nodes; to any agent for the records. */
  readonly askMs: number;
  readonly askOthersMs: number;
  readonly askHeldMs: number;
  readonly askTimeoutMs: number;
  readonly recordsMs: number;
  /** A standby that has not answered for longer is not chosen. */
  readonly staleMs: number;
  /** Clients listed in a status; the counts are always complete. */
  readonly maxListedClients: number;
};

export const defaultLimits: RouterLimits = {
  maxHeld: 2_000,
  maxSessions: 10_000,
  maxOpening: 2_000,
  openingMs: 10_000,
  maxConnecting: 64,
  connectMs: 2_000,
  retryMs: 50,
  maxEarlyBytes: 8_192,
  lingerMs: 5_000,
  maxCancels: 100,
  cancelMs: 5_000,
  keepAliveMs: 10_000,
  askMs: 250,
  askOthersMs: 1_000,
  askHeldMs: 50,
  askTimeoutMs: 500,
  recordsMs: 5_000,
  staleMs: 3_000,
  maxListedClients: 500,
};
