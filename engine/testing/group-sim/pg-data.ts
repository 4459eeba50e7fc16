/** What of a PostgreSQL is on disk: the WAL as a list of record ids (one position each), timelines, the control file, settings, slots. */
/** The installation's tag in what members call themselves. */
export const tag = 'sim';
export type Names = { readonly members: readonly string[]; readonly k: number };
export type TimelineStart = { readonly timeline: number; readonly start: number };

export const controlStates = [
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in production',
  'in archive recovery',
] as const;
export type ControlState = (typeof controlStates)[number];

export type PgSlot = {
  readonly name: string;
  readonly type: 'physical' | 'logical';
  readonly failover: boolean;
  /** A copy of the primary's, kept by the slot-sync worker. */
  synced: boolean;
  /** Such a copy that a promotion keeps. */
  ready: boolean;
  /** Position up to which its consumer has confirmed. */
  confirmed: number | null;
};

export class DataDirectory {
  present = false;
  /** Moved away or removed under its server: the path leads nowhere, and what is left ends with the server. */
  away = false;
  systemIdentifier = '';
  wal: number[] = [];
  /** What survives the power. */
  flushed = 0;
  timelines: TimelineStart[] = [{ timeline: 1, start: 0 }];
  /** Timeline numbers with a history file in pg_wal. */
  histories = new Set<number>();
  standbySignal = false;
  settings = new Map<string, string>();
  controlState: ControlState = 'shut down';
  /** Where the last checkpoint's record begins. */
  checkpoint = 0;
  slots = new Map<string, PgSlot>();

  get timeline(): number {
    return this.timelines.at(-1)!.timeline;
  }
  get lsn(): number {
    return this.wal.length;
  }
  get names(): Names {
    return parseNames(this.settings.get('synchronous_standby_names') ?? '');
  }

  /** Nothing is there. */
  renew(): void {
    Object.assign(this, new DataDirectory());
  }

  /** The power went: what was not flushed is gone. */
  losePower(): void {
    if (this.flushed >= this.wal.length) return;
    this.wal.length = this.flushed;
    this.timelines = this.timelines.filter((one, index) => index === 0 || one.start < this.wal.length);
  }

  copyFrom(source: DataDirectory): void {
    this.present = true;
    this.systemIdentifier = source.systemIdentifier;
    this.wal = source.wal.slice(0, source.flushed);
    this.flushed = this.wal.length;
    this.timelines = [...source.timelines];
    this.histories = new Set(source.histories);
    this.standbySignal = true;
    this.settings = new Map();
    this.controlState = 'in archive recovery';
    this.checkpoint = source.checkpoint;
    this.slots = new Map();
  }
}

/** As PostgreSQL reads it: `ANY k ("a","b")`, names compared without case (we write lower case only). */
export function parseNames(text: string): Names {
  const match = /^ANY (\d+) \((.*)\)$/.exec(text.trim());
  if (!match) return { members: [], k: 0 };
  const members = [...match[2]!.matchAll(/"([^"]*)"/g)].map((part) => part[1]!);
  return { members, k: Number(match[1]) };
}
