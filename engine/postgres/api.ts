/**
 * One node's PostgreSQL server as its agent drives it. Everything here acts on this node's own data directory only.
 * Implemented by engine/postgres/server.ts on top of one file per concern.
 */

import type { Shortfall, StandbyParameters } from '../cluster/core/standby-parameters';
import type { PostgresReport } from '../cluster/model';
import type { Epoch, NodeId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';
import type { NodeSlots, SlotInfo, SlotSpec, UnloggedTables } from '../replication/model';
import type {
  LogPage,
  SessionInfo,
  SessionPosition,
  SettingInfo,
  SettingsVerdict,
  WalStatus,
} from '../runtime/engine-api';
import type { LocalEnd } from './rejoin';
import type { Settings } from './runtime-settings';

export type PostgresPaths = {
  /** `<data>/nodes/<id>`; everything of the node is below it. */
  readonly nodeDirectory: string;
  /** `<nodeDirectory>/pgdata`. */
  readonly dataDirectory: string;
  /** Unix sockets, mode 0700, short path (falls back to a short directory when the path would exceed 100 bytes). */
  readonly socketDirectory: string;
  readonly logDirectory: string;
  readonly guardianSocket: string;
};

export type RolePasswords = {
  /** Superuser `rustydb`, only over this node's own unix socket. */
  readonly superuser: string;
  readonly replication: string;
  readonly monitor: string;
  readonly query: string;
  readonly app: string;
};

export type PostgresConfiguration = {
  readonly nodeId: NodeId;
  readonly paths: PostgresPaths;
  /** Directory that holds `bin/postgres` and `bin/initdb`. */
  readonly nativeDirectory: string;
  readonly host: string;
  readonly port: number;
  readonly passwords: RolePasswords;
  /** uid/gid PostgreSQL runs as when we are root; null: our own user. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** The agent's WAL relay (127.0.0.1, this port) leads to whoever the primary is: base backups, and servers without a service file. */
  readonly walProxyPort: number;
  /** Where servers that start from now on read the primary's address at every connection (`serviceFileText`). Absent: through the relay. */
  readonly serviceFile?: string;
  /** Of the installation: part of what members call themselves to their primary. Absent: they use their own names. */
  readonly standbyTag?: string;
  /** What all files of its log may take together; absent: the default. */
  readonly logBytes?: number;
};

export type ServerExit = {
  readonly at: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly expected: boolean;
  /** `deadline`: the guardian stopped it because nobody extended the deadline; `guardian-lost`: its guardian died. */
  readonly cause?: 'requested' | 'deadline' | 'died' | 'orphaned' | 'guardian-lost';
};

/** What is on disk, read without a running server (pg_control, timeline history, standby.signal). */
export type ControlData = {
  readonly systemIdentifier: string;
  readonly state: string;
  readonly timeline: number;
  readonly checkpointLsn: LsnText;
  readonly redoLsn: LsnText;
  readonly minRecoveryLsn: LsnText;
  /** What the WAL up to here was written under: a standby must not run with less. */
  readonly parameters: StandbyParameters;
};

export type StandbyPosition = {
  readonly inRecovery: boolean;
  readonly timeline: number;
  readonly receiveLsn: LsnText | null;
  readonly replayLsn: LsnText | null;
  /** greatest(receive, replay, end of local WAL once replay stopped advancing without a walreceiver). */
  readonly lsn: LsnText;
};

export type ReachedFork =
  | { readonly kind: 'can-follow' }
  | {
      readonly kind: 'diverged';
      readonly localLsn: LsnText;
      readonly forkLsn: LsnText;
      readonly divergentBytes: number;
    };

export interface PostgresServer {
  readonly configuration: PostgresConfiguration;

  /** `absent`: no data directory; otherwise what is there. Throws a sentence with remedy for a corrupt directory. */
  inspect(): Promise<{ kind: 'absent' } | { kind: 'present'; control: ControlData; standbySignal: boolean }>;

  /** initdb + settings + hba + roles + database `app` + schema `rustydb_engine`; leaves the server stopped. Only for the first primary of a group. */
  bootstrap(): Promise<void>;
  /**
   * Clone from the primary over the replication protocol into `<dataDirectory>.new`, then swap. Idempotent: an interrupted clone is thrown away.
   * Goes through the WAL proxy. Progress in bytes.
   */
  baseBackup(options: {
    slot: string;
    /**
     * Timeline of the primary that was confirmed (lease, epoch): the source must be on it or above. What is here may then be on a higher one, as
     * after a promotion by hand. Absent: what is here is replaced only from its own timeline or a higher one.
     */
    confirmedTimeline?: number;
    onProgress: (bytes: number, total: number | null) => void;
    signal: AbortSignal;
  }): Promise<void>;

  /** Connects to a guardian that already runs (agent restart), null when there is none. Kills leftovers of a dead one first. */
  adopt(): Promise<{ postmasterPid: number } | null>;
  /**
   * Starts the server under a guardian. `primary` only under a held lease: writes no standby.signal, starts with `serveForMs` as the guardian's
   * first deadline. `standby`: standby.signal present, guardian without deadline. `settings` are written to the managed config file first.
   */
  /** The server runs, and its data directory was moved away or removed under it: it serves from files that nobody will find again. */
  dataMovedAway(): boolean;
  start(role: 'primary' | 'standby', options: StartOptions): Promise<void>;
  /** fast: SIGINT; immediate: SIGQUIT; returns once no process of the data directory is left (escalates to SIGKILL at `timeoutMs`). */
  stop(mode: 'fast' | 'immediate', timeoutMs: number): Promise<void>;
  /** SIGKILL everything whose working directory is this data directory, and wait until it is gone. Safe to call at any time. */
  killAll(): Promise<void>;
  /** No process with this data directory as working directory exists. */
  isDead(): Promise<boolean>;
  /** Which files another member of this host would write as well (tablespaces, links), in a sentence; null: none. */
  sharedFiles?(): string | null;
  /** Primary: push "serve until now + ms" to the guardian. `since` is the monotonic time at which the renewal was sent. Standby: ignored. */
  pushDeadline(remainingMs: number): void;
  /** Tell the guardian that this server is a standby (no deadline) or a primary (deadline enforced). Primary must be pushed at once after. */
  setRole(role: 'primary' | 'standby', remainingMs: number): Promise<void>;
  onExit(callback: (exit: ServerExit) => void): () => void;
  guardianPid(): number | null;
  /** Of the guardian that runs; null: none, or not known. */
  guardianVersion?(): number | null;
  postmasterPid(): number | null;

  /** Cheap probe for the report; never throws: an unreachable server shows in `state`. */
  report(): Promise<PostgresReport>;
  position(): Promise<StandbyPosition>;

  /** Standby: what it runs with less of than the WAL that it replays needs; it then replays nothing until it is restarted. */
  parameterShortfall(): Promise<readonly Shortfall[]>;
  /** Promise: empty primary_conninfo, reload, wait until the walreceiver is gone, and local replay reached the end; then the position. */
  stopReceiving(timeoutMs: number): Promise<StandbyPosition>;
  /** Ends the walreceivers that run now; false: the server does not answer yet. They come back by themselves, to where the service file leads then. */
  endReceivers(): Promise<boolean>;
  /** Point primary_conninfo at the service file (or the WAL relay) with this slot; reload; no restart. */
  follow(slot: string, tagged?: boolean): Promise<void>;
  /**
   * pg_promote without wait, then asks pg_is_in_recovery every few ms. Returns the new timeline and where it forked. `timeline`: take no lower
   * number than this (lower ones may have been used by a promotion that died).
   */
  promote(timeoutMs: number, timeline?: number): Promise<{ timeline: number; forkLsn: LsnText }>;
  checkpoint(): Promise<void>;
  /**
   * Applies ALTER SYSTEM for the given names (null: RESET), reloads, and reads back; lists those that wait for a restart. A server that takes no
   * connections (stopped, or not able to start) gets them into its file.
   */
  applySettings(settings: Readonly<Record<string, string | null>>): Promise<{ pendingRestart: readonly string[] }>;
  /** Configuration files that PostgreSQL can't read are written anew, without what can't be read and the `refused` names; it reads them again. */
  repairConfiguration?(members: number, refused: readonly string[]): Promise<void>;
  /** Whether this node's PostgreSQL would start with these settings; changes nothing, and needs no running server. */
  checkSettings(settings: Settings): Promise<SettingsVerdict>;
  /**
   * synchronous_standby_names for (members, k); empty members: ''. Returns once no commit is released under an earlier list.
   * @throws TIMEOUT when that can't be seen yet (a checkpoint that syncs, a walsender that stands still): ask again.
   */
  setSynchronousStandbys(members: readonly NodeId[], k: number): Promise<void>;
  /** Standby: the list that nobody is on where commits wait, else none. A promoted server never acknowledges alone by accident. */
  closeStandbyNames(commitsWait: boolean): Promise<void>;
  /** Creates missing physical slots for `members`, drops ours that belong to nobody; on standbys advances them to what the member has replayed. */
  keepSlots(members: readonly NodeId[], advanceTo: Readonly<Record<NodeId, LsnText>>): Promise<void>;
  /** All slots of the server and what bounds them. */
  slots(): Promise<NodeSlots>;
  /** Primary: brings logins and schema of the engine to what this release wants; answers what was changed. */
  keepOwnObjects?(): Promise<readonly string[]>;
  /** Primary: its unlogged tables by database, which a change of primary empties. */
  unloggedTables?(): Promise<readonly UnloggedTables[]>;
  /** @throws CONFLICT with reasons: name taken, wal_level; INVALID_INPUT: plugin or database unknown; TIMEOUT: who holds it up. */
  createSlot(spec: SlotSpec): Promise<SlotInfo>;
  /** @throws CONFLICT while it is in use. False: there is none of that name. */
  dropSlot(name: string): Promise<boolean>;
  /** Standby: whether it holds a copy of the primary's slot that a promotion keeps, waiting for it at most so long. */
  waitForSlotCopy(name: string, timeoutMs: number): Promise<boolean>;
  /** Standby: whether no copy of a slot that the primary dropped is left, waiting for it at most so long. */
  waitForNoSlotCopy(name: string, timeoutMs: number): Promise<boolean>;
  /**
   * Standby: compares its failover slots with the primary's, lets slots of its own days as primary give way to copies, and switches PostgreSQL's copying
   * on or off (core/copy-rules.ts). `stillSo`: asked right before the switch; `beforeOn`: done before it is
   * switched on. Null: no standby.
   */
  keepSlotCopies(
    question: {
      readonly onPrimary: readonly string[];
      readonly epoch: Epoch;
      readonly copiedUnder: Epoch;
      readonly letGo: boolean;
    },
    stillSo: () => boolean,
    beforeOn: () => void,
  ): Promise<{
    readonly copying: boolean;
    readonly kept: readonly string[];
    readonly left: readonly string[];
    readonly missing: readonly string[];
    readonly exchanged: readonly string[];
  } | null>;
  /** Standby: PostgreSQL neither makes nor drops copies of slots until `keepSlotCopies` says so; following another primary does the same. */
  stopSlotCopying(): Promise<void>;
  /** Primary: makes of each hold whose slot a promotion did not keep the slot again, and drops the holds; names those made again. */
  endSlotHolds(): Promise<readonly string[]>;
  /** Standby: whether its copies have got as far as the slots had, waiting for it at most so long. */
  waitForSlotCopies(
    wanted: readonly { readonly name: string; readonly lsn: LsnText }[],
    timeoutMs: number,
  ): Promise<boolean>;
  /** Ends sessions that stream from here, by pid and name as they were reported. */
  endSenders(senders: readonly { readonly pid: number; readonly name: string }[]): Promise<number>;
  /** Ends whoever streams from this server but members, so that a fast stop does not wait for one that stands still. */
  endConsumers(): Promise<number>;
  /** Standby: PostgreSQL copies failover slots now instead of at its next round. */
  wakeSlotCopying(): Promise<void>;
  setSynchronizedStandbySlots(members: readonly NodeId[]): Promise<void>;
  /** Rejoin: start privately (no conninfo, max_wal_senders = 0, private port), replay to the end, compare with the new primary's history. */
  compareWithFork(
    primaryHistory: readonly { timeline: number; forkLsn: LsnText }[],
    primaryTimeline: number,
    primaryLsn?: LsnText,
  ): Promise<ReachedFork>;
  /** Standby: receives nothing any more, then where its own WAL ends, to be compared with a primary that is asked after this. */
  localEnd(timeoutMs: number): Promise<LocalEnd>;
  /** Timeline history of the running server, oldest first. */
  timelineHistory(): Promise<readonly { timeline: number; forkLsn: LsnText }[]>;
  /** Estimated redo after a crash: WAL since the last checkpoint ÷ measured replay speed. */
  estimateRedoMs(): { walBytes: number; bytesPerSecond: number; ms: number };
  /** Waits until this standby has replayed ≥ lsn. */
  waitForReplay(lsn: LsnText, timeoutMs: number): Promise<void>;
  /** Ends client sessions (not ours, not walsenders) with pg_terminate_backend: clients see 57P01. */
  terminateSessions(): Promise<number>;
  currentLsn(): Promise<LsnText>;

  /** Oldest first. */
  sessions(page?: { limit?: number; after?: SessionPosition | null }): Promise<readonly SessionInfo[]>;
  endSession(pid: number, mode: 'cancel' | 'terminate'): Promise<boolean>;
  settings(): Promise<readonly SettingInfo[]>;
  logs(options: {
    limit: number;
    level: string | null;
    contains: string | null;
    from?: string | null;
  }): Promise<LogPage>;
  wal(): Promise<WalStatus>;
  switchWal(): Promise<LsnText>;
  setReplayPaused(paused: boolean): Promise<void>;

  close(): Promise<void>;
}

export type StartOptions = {
  readonly serveForMs?: number;
  readonly slot?: string;
  /** Standby only: follow at once (default) or start without primary_conninfo. */
  readonly follow?: boolean;
  /** Standby only: the primary knows members by their tagged names. */
  readonly tagged?: boolean;
  /** Standby only: what the primary runs with; it starts with at least that. */
  readonly primaryParameters?: StandbyParameters | null;
  /** Of the group: how many senders, slots and connections the server needs. */
  readonly members?: number;
  /** What the group record wants (null: reset), written before the server reads its configuration. */
  readonly settings?: Settings;
  /** Standby only: in the group's mode commits wait, so its list of synchronous standbys is never empty. */
  readonly commitsWait?: boolean;
  readonly timeoutMs: number;
};
