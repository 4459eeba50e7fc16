/** Every bound of the router in one place; SPEC.md says what happens at each. */

export type RouterLimits = {
  /** Connections per service that wait for a server or are being connected to one. */
  readonly maxHeld: number;
  /** Open sessions per service. */
  readonly maxSessions: number;
  /** Connections per service that have not said who they are yet, and how long they may take. */
  readonly maxOpening: number;
  readonly openingMs: number;
  /** Connections to servers, attempts included, whose client has not authenticated yet: per service, and per service and client address. */
  readonly maxUnproven: number;
  readonly maxUnprovenPerAddress: number;
  /** How long a client may take to authenticate; and be silent meanwhile where others wait for its place. */
  readonly authenticationMs: number;
  readonly authenticationPatienceMs: number;
  /** The same at least, however many wait. */
  readonly floodPatienceMs: number;
  /** One attempt, until the server's first answer. */
  readonly connectMs: number;
  /** Pause before a held connection is tried again. */
  readonly retryMs: number;
  /** Bytes that a held client may send ahead. */
  readonly maxEarlyBytes: number;
  /** How long a closed side may take to read what is left. */
  readonly lingerMs: number;
  /** How long a stop waits for clients to read their last message. */
  readonly stopMs: number;
  readonly maxCancels: number;
  readonly cancelMs: number;
  readonly keepAliveMs: number;
  /** Questions to the believed primary and to the other nodes; a group without connections is asked `idleFactor` times more rarely. */
  readonly askMs: number;
  readonly askOthersMs: number;
  readonly idleFactor: number;
  /** All nodes of a group for which somebody waits. */
  readonly askHeldMs: number;
  readonly askTimeoutMs: number;
  /** Nodes, groups and configuration, from any agent. */
  readonly recordsMs: number;
  /** A status that says nothing new is sent this rarely. */
  readonly repeatStatusMs: number;
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
  maxUnproven: 24,
  maxUnprovenPerAddress: 18,
  authenticationMs: 10_000,
  authenticationPatienceMs: 3_000,
  floodPatienceMs: 250,
  connectMs: 2_000,
  retryMs: 50,
  maxEarlyBytes: 8_192,
  lingerMs: 5_000,
  stopMs: 1_000,
  maxCancels: 100,
  cancelMs: 5_000,
  keepAliveMs: 10_000,
  askMs: 250,
  askOthersMs: 1_000,
  idleFactor: 3,
  askHeldMs: 50,
  askTimeoutMs: 500,
  recordsMs: 5_000,
  repeatStatusMs: 5_000,
  staleMs: 7_000,
  maxListedClients: 500,
};
