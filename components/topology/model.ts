/** What the map draws, in its own words: the canvas knows nothing of where the data comes from. */

export type MapNode = {
  readonly id: string;
  readonly group: string;
  readonly region: string;
  readonly role: 'primary' | 'standby';
  readonly status: string;
  readonly statusReason: string;
  readonly lsn: string | null;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  /** Null, as the two below: the node was not heard. */
  readonly cpuPercent: number | null;
  readonly connections: number | null;
  readonly transactionsPerSecond: number | null;
  readonly holdsLease: boolean;
  readonly leadsStore: boolean;
  readonly replayPaused: boolean;
  readonly activity: string | null;
};

export type MapGroup = {
  readonly name: string;
  readonly primary: string | null;
  readonly mode: string;
  readonly writable: boolean;
  /** Its writes pause on purpose, as planned. */
  readonly planned: boolean;
  readonly degraded: boolean;
  readonly sentence: string;
};

export type MapLink = {
  readonly from: string;
  readonly to: string;
  readonly kind: 'replication' | 'interconnect';
  readonly state: string;
  readonly mode: string | null;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  readonly bytesPerSecond: number | null;
  readonly rttUs: number | null;
};

/** A service that a node stands behind, as the router sees it. */
export type MapService = {
  readonly service: string;
  readonly kind: 'rw' | 'ro';
  readonly state: 'active' | 'idle' | 'ejected' | 'lagging' | 'down';
  readonly reason: string | null;
  readonly sessions: number;
};

export type MapLayers = {
  readonly replication: boolean;
  readonly interconnect: boolean;
  readonly services: boolean;
};

export type Rect = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
