/**
 * What must never happen, judged from true time, from what the control store committed and from everybody's disk at once. Written without the code
 * under test: it knows ids, positions, sets and epochs, and no decision function. Every violation is a sentence with the true time.
 */
import { type ClusterConfig, type GroupRecord, keys } from '../../cluster/model';
import type { RaftControlStore } from '../../control/raft/raft-store';
import type { Host } from './host';
import { type Names, tag } from './pg-data';
import type { PgEngine } from './pg-engine';
import type { Session } from './pg-stream';
import { groupName } from './scene';
import type { World } from './world';

type Acknowledged = { readonly id: number; readonly lsn: number };

/**
 * A server that was frozen may answer what it had in hand for so long after it woke. One whose machine was paused with both clocks can't know of the
 * pause: where only the lease protects, it goes on until its next renewal comes back, at most a lease.
 */
const wakingMs = 200;
const nobody = 'rustydb_nobody';

export class Checker {
  readonly violations: string[] = [];
  hosts: readonly Host[] = [];
  /** As last committed by the control store. */
  record: GroupRecord | null = null;
  #revision = 0;
  #nextId = 1;
  /** Everything acknowledged that may not be lost. */
  #acknowledged: Acknowledged[] = [];
  #latest: { epoch: number; node: string; firstAt: number } | null = null;
  /** Until when an answer of a node that woke up is excused. */
  readonly #waking = new Map<string, number>();
  /** The same, of those that can not know that they slept: they tell a router of a lease that they still count. */
  readonly #pausedUntil = new Map<string, number>();
  readonly #grants = new Map<number, string>();
  readonly #lostDisk = new Set<string>();
  readonly #remembered = new Map<string, Readonly<Record<string, unknown>>>();
  /** In which mode an epoch ended; its holder may have known nothing newer. */
  readonly #modes = new Map<number, string>();
  /** True time until which the store (or the voters) let (node, epoch) serve, at the very most. */
  readonly #leaseEnd = new Map<string, number>();
  readonly #confirmed = new Map<string, number>();
  /** The longest that the lease of an epoch was. */
  readonly #lengths = new Map<number, number>();
  /** What was asked for last. */
  #configuredLeaseMs = 2000;
  #configRevision = 0;
  lastAcknowledgedAt = 0;
  onViolation: (() => void) | null = null;
  /** An operator accepted the loss of data. */
  lossAccepted = false;

  constructor(private readonly world: World) {}

  nextId(): number {
    return this.#nextId++;
  }
  fail(what: string): void {
    this.world.note(`VIOLATION ${what}`);
    this.onViolation?.();
    if (this.violations.length < 5) this.violations.push(`${Math.round(this.world.now)} ms: ${what}`);
  }
  #host(id: string | null): Host | undefined {
    return this.hosts.find((one) => one.id === id);
  }
  /** The highest epoch that was ever granted to it. */
  epochOf(id: string): number {
    let highest = 0;
    for (const [epoch, node] of this.#grants) if (node === id && epoch > highest) highest = epoch;
    return highest;
  }

  // ------------------------------------------------------------ acknowledgements
  acknowledged(server: PgEngine, id: number, lsn: number, session: Session | null): void {
    const { record } = this;
    const waited = this.#acknowledgedNow();
    if (server.data.wal[lsn - 1] !== id) this.fail(`${server.id} acknowledged a record it does not have`);
    if (record === null || server.damagedByHand) return;
    const epoch = this.epochOf(server.id);
    if (this.#latest === null || epoch > this.#latest.epoch) {
      if (this.#latest?.node !== server.id) {
        if (this.#latest !== null) this.world.counters.takeoverWaits.push(Math.round(waited));
        this.#latest = { epoch, node: server.id, firstAt: this.world.now };
      } else this.#latest = { ...this.#latest, epoch };
    } else if (server.id !== this.#latest.node) {
      this.#stale(server, epoch, { id, lsn }, session);
      return;
    }
    if (!server.commitsWait) this.#withinLease(server, epoch);
    if (record.mode === 'asynchronous') return;
    this.#acknowledged.push({ id, lsn });
    this.#checkCoverage(lsn);
  }

  /** How long nothing was. */
  #acknowledgedNow(): number {
    const { counters, now } = this.world;
    const waited = now - this.lastAcknowledgedAt;
    this.lastAcknowledgedAt = now;
    if (counters.acknowledged++ > 0) counters.longestWaitMs = Math.max(counters.longestWaitMs, Math.round(waited));
    return waited;
  }

  /** Where no standby is asked, only the lease stands between two primaries. */
  #withinLease(server: PgEngine, epoch: number): void {
    const host = this.#host(server.id)!;
    if (host.guardian?.process.frozen) return;
    const end = Math.max(this.#leaseEnd.get(`${server.id}/${epoch}`) ?? 0, this.#confirmedUntil(server.id, epoch));
    const late = this.world.now - end;
    if (late > 0 && !this.#isWaking(server.id))
      this.fail(`${server.id} acknowledges alone ${Math.round(late)} ms after its lease of epoch ${epoch}`);
  }

  /** An acknowledgement of an epoch that another server has already taken over from. */
  #stale(server: PgEngine, epoch: number, write: Acknowledged, session: Session | null): void {
    const latest = this.#latest!;
    // The report of a standby reached its host before the promise, and was read when it woke: the new primary has what that report confirms.
    if (
      this.#isWaking(server.id) &&
      server.commitsWait &&
      this.#host(latest.node)?.engine.data.wal[write.lsn - 1] === write.id
    ) {
      this.#acknowledged.push(write);
      return;
    }
    if (this.#isWaking(server.id) && this.#modes.get(epoch) === 'asynchronous') return;
    if (this.#isWaking(server.id) && session?.kind === 'direct' && !server.commitsWait) return;
    this.fail(
      `${server.id} (epoch ${epoch}) acknowledged ${Math.round(this.world.now - latest.firstAt)} ms after ${latest.node} (epoch ${latest.epoch}) began to`,
    );
  }
  woke(node: string, paused: boolean): void {
    const leaseMs = this.#lengths.get(this.epochOf(node)) ?? 2000;
    const until = this.world.now + (paused ? leaseMs * 1.05 : wakingMs);
    this.#waking.set(node, Math.max(until, this.#waking.get(node) ?? 0));
    if (paused) this.#pausedUntil.set(node, until);
  }
  #isWaking(node: string): boolean {
    return this.world.now <= (this.#waking.get(node) ?? Number.NEGATIVE_INFINITY);
  }

  // ------------------------------------------------------------ what a member remembers
  /** Its promise, the controller's term and the epoch that it held, as it replaces them on its disk: none of them ever falls. */
  remembers(node: string, now: Readonly<Record<string, unknown>>): void {
    const before = this.#remembered.get(node);
    for (const name of ['promisedEpoch', 'controllerTerm', 'lastHeldEpoch'])
      if (Number(now[name]) < Number(before?.[name] ?? 0))
        this.fail(`${name} of ${node} fell from ${before?.[name]} to ${now[name]} on its disk`);
    this.#remembered.set(node, now);
  }
  /** What was not synced went with the power. */
  forgetful(node: string): void {
    this.#remembered.delete(node);
  }

  /** With the disk went the promise: it is no voter until it was written out of the set. */
  diskLost(node: string): void {
    this.forgetful(node);
    this.#lostDisk.add(node);
    this.#writtenOut();
  }
  #writtenOut(): void {
    const { record } = this;
    for (const node of this.#lostDisk)
      if (record === null || record.promotable === 'none' || !record.voterSet.members.includes(node))
        this.#lostDisk.delete(node);
  }

  // ------------------------------------------------------------ promotion and starts
  promoted(server: PgEngine, byHand: boolean): void {
    const { record } = this;
    if (byHand || record === null) return;
    const epoch = this.epochOf(server.id);
    if (record.primary !== server.id && !this.#withinOldLease(server.id, epoch))
      this.fail(`${server.id} was promoted under epoch ${epoch}, which it was not granted or no longer has`);
    if (record.mode === 'asynchronous' || this.lossAccepted) {
      this.#acknowledged = this.#acknowledged.filter((one) => server.data.wal[one.lsn - 1] === one.id);
      return;
    }
    const lost = this.#acknowledged.filter((one) => server.data.wal[one.lsn - 1] !== one.id);
    if (lost.length > 0)
      this.fail(
        `promotion of ${server.id} (epoch ${epoch}) loses ${lost.length} acknowledged writes, first at ${lost[0]!.lsn}, it has ${server.lsn}`,
      );
    if (record.primary === server.id && record.promotable === 'voters' && !covers(server.data.names, record))
      this.fail(`${server.id} was promoted while its list does not cover the voter set`);
  }
  /** It takes writes as primary after a start. */
  serves(server: PgEngine): void {
    const { record } = this;
    if (record === null) return;
    const current = record.primary === server.id && !record.leaseReleased;
    // By its clocks its lease goes on; what it then writes is acknowledged by nobody who promised.
    if (this.world.now <= (this.#pausedUntil.get(server.id) ?? 0)) return;
    if (!current && !this.#withinOldLease(server.id, this.epochOf(server.id)))
      this.fail(`${server.id} started as primary of epoch ${this.epochOf(server.id)} without holding it`);
  }
  /** After promises the next epoch may begin before the old lease ends; until then the old holder can't know, nor get an acknowledgement. */
  #withinOldLease(node: string, epoch: number): boolean {
    const { record } = this;
    if (record === null || record.mode === 'asynchronous' || record.epoch <= epoch) return false;
    return this.world.now <= Math.max(this.#leaseEnd.get(`${node}/${epoch}`) ?? 0, this.#confirmedUntil(node, epoch));
  }
  startedOverLeftovers(server: PgEngine): void {
    this.fail(`${server.id} was started while processes of its data directory were left`);
  }

  // ------------------------------------------------------------ store
  /** What is applied anywhere was committed: the first to apply it tells. */
  watchStore(host: Host, store: RaftControlStore): void {
    // A leader that renews its own lease sends nothing that could be overheard.
    const renew = store.renewLease.bind(store);
    store.renewLease = async (group, epoch, holder) => {
      const led = store.isLeader();
      const result = await renew(group, epoch, holder);
      if ((led || store.isLeader()) && result.ok) this.renewed(holder, epoch, result.leaseMs);
      return result;
    };
    store.watch(keys.group(groupName), (events) => {
      for (const event of events) {
        if (event.modRevision <= this.#revision || event.kind !== 'put') continue;
        this.#revision = event.modRevision;
        this.#recordChanged(event.value as unknown as GroupRecord);
      }
    });
    store.watch(keys.config, (events) => {
      for (const event of events) {
        if (event.modRevision <= this.#configRevision || event.kind !== 'put') continue;
        this.#configRevision = event.modRevision;
        this.#configuredLeaseMs = (event.value as unknown as ClusterConfig).leaseMs;
        this.world.note(`configured lease ${this.#configuredLeaseMs} ms`);
      }
    });
    store.onLeadership((leading) => {
      if (leading) {
        this.world.counters.takeovers++;
        this.world.note(`${host.id} leads the store`);
      }
    });
  }
  #recordChanged(after: GroupRecord): void {
    const before = this.record;
    this.record = after;
    this.#lengths.set(after.epoch, Math.max(this.#lengths.get(after.epoch) ?? 0, leaseOf(after)));
    this.#writtenOut();
    this.world.note(
      `record epoch ${after.epoch} ${after.primary} ${after.mode} ${after.voterSet.k} of ${after.voterSet.members} ${after.promotable} lease ${after.leaseMs ?? '-'}${after.leaseReleased ? ' released' : ''} op ${after.operation?.slice(-4) ?? ''}`,
    );
    if (before === null || after.epoch !== before.epoch) {
      if (before !== null) this.#modes.set(before.epoch, before.mode);
      if (before !== null && after.epoch !== before.epoch + 1)
        this.fail(`epoch went from ${before.epoch} to ${after.epoch}`);
      if (this.#grants.has(after.epoch)) this.fail(`epoch ${after.epoch} was granted twice`);
      this.#grants.set(after.epoch, after.primary ?? '');
      this.#prolong(after.primary ?? '', after.epoch, leaseOf(after));
      return;
    }
    // As the store does: a lease whose length changes runs from now.
    if (leaseOf(after) !== leaseOf(before)) this.#prolong(after.primary ?? '', after.epoch, leaseOf(after));
    const weaker = before.mode !== 'asynchronous' && after.mode === 'asynchronous';
    if (weaker && after.voterSet.members.length > 0)
      this.fail(`the record became asynchronous while commits wait for ${after.voterSet.members}`);
    const holder = this.#host(after.primary);
    if (after.leaseReleased && !before.leaseReleased && holder !== undefined && actsAsPrimary(holder.engine))
      this.fail(`${after.primary} released its lease with processes left`);
    if (after.primary !== before.primary) this.fail(`primary changed within epoch ${after.epoch}`);
    if (after.promotable === 'voters' && after.mode !== 'asynchronous') {
      if (holder?.engine.serving) this.#checkSetting(holder.engine, after);
      const last = this.#acknowledged.at(-1);
      if (last !== undefined) this.#checkCoverage(last.lsn);
    }
  }
  #checkSetting(server: PgEngine, record: GroupRecord): void {
    if (record.voterSet.members.length === 0 || server.damagedByHand) return;
    for (const names of server.activeNames())
      if (!covers(names, record))
        this.fail(
          `${server.id} waits for ${names.k} of ${names.members}, the store says ${record.voterSet.k} of ${record.voterSet.members}`,
        );
  }
  /** With the current epoch's history: enough voters have it, or it lies below the epoch's start (then only who has the start may be promoted). */
  #checkCoverage(lsn: number): void {
    const { record } = this;
    if (record === null || record.mode === 'asynchronous' || record.promotable !== 'voters') return;
    if (record.voterSet.members.length === 0) return;
    const primary = this.#host(record.primary);
    if (!primary?.engine.serving || primary.engine.damagedByHand) return;
    const start = primary.data.timelines.at(-1)!.start;
    if (lsn <= start) return;
    const id = primary.data.wal[lsn - 1];
    const having = record.voterSet.members.filter((member) => this.#host(member)?.data.wal[lsn - 1] === id);
    if (
      having.length < record.voterSet.k &&
      !record.voterSet.members.some(
        (member) => this.#host(member)?.data.present === false || this.#host(member)?.data.away,
      )
    )
      this.fail(
        `position ${lsn} is acknowledged, only ${having.length} of ${record.voterSet.members} have it (k = ${record.voterSet.k})`,
      );
  }

  // ------------------------------------------------------------ leases
  /** The store's leader answered that (node, epoch) goes on. */
  renewed(node: string, epoch: number, leaseMs: number): void {
    this.#prolong(node, epoch, leaseMs);
  }
  #prolong(node: string, epoch: number, leaseMs: number): void {
    const key = `${node}/${epoch}`;
    this.#leaseEnd.set(key, Math.max(this.#leaseEnd.get(key) ?? 0, this.world.now + leaseMs * 1.04));
  }
  /** `voter` joins no promotion for so long: it confirmed the epoch of `holder`. */
  confirmed(voter: string, holder: string, epoch: number, holdMs: number): void {
    this.#confirmed.set(`${holder}/${epoch}/${voter}`, this.world.now + holdMs * 1.04);
  }
  #confirmedUntil(holder: string, epoch: number): number {
    const { record } = this;
    if (record === null) return 0;
    const set =
      record.voterSet.members.length > 0
        ? record.voterSet.members
        : this.hosts.filter((one) => one.member).map((one) => one.id);
    const ends = set
      .filter((one) => one !== holder)
      .map((one) => this.#confirmed.get(`${holder}/${epoch}/${one}`) ?? 0);
    return ends.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...ends);
  }
  /** The router let a new session through. */
  admitted(node: string, epoch: number): void {
    const { record } = this;
    if (record === null || record.epoch <= epoch || record.primary === node) return;
    if (this.world.now <= (this.#pausedUntil.get(node) ?? 0)) return;
    const end = Math.max(this.#leaseEnd.get(`${node}/${epoch}`) ?? 0, this.#confirmedUntil(node, epoch));
    if (this.world.now > end)
      this.fail(
        `the router admitted a session to ${node} (epoch ${epoch}) ${Math.round(this.world.now - end)} ms after its lease`,
      );
  }

  // ------------------------------------------------------------ streams and data
  streamBegins(primary: PgEngine, standby: PgEngine): void {
    if (this.#lostDisk.has(standby.id))
      this.fail(`${standby.id} follows with a new disk, and the store counts what it promised before`);
    const { wal } = standby.data;
    for (let index = wal.length - 1; index >= 0 && index > wal.length - 400; index--) {
      if (primary.data.wal[index] !== wal[index]) {
        this.fail(
          `${standby.id} streams from ${primary.id} though it has another record at ${index + 1}: silent divergence`,
        );
        return;
      }
    }
  }
  dataReplaced(node: string, source: PgEngine): void {
    const host = this.#host(node)!;
    if (!host.data.present || host.data.away) return;
    const lost = this.#acknowledged.filter(
      (one) => host.data.wal[one.lsn - 1] === one.id && source.data.wal[one.lsn - 1] !== one.id,
    );
    if (lost.length > 0) this.fail(`${node} threw ${lost.length} acknowledged writes away that ${source.id} lacks`);
  }

  // ------------------------------------------------------------ end
  finish(): void {
    for (const one of this.complaints()) this.fail(one);
  }

  /** What still is not as it should be once nothing disturbs any more. */
  complaints(): string[] {
    const found: string[] = [];
    const say = (what: string): void => void found.push(what);
    const { record } = this;
    const primary = this.#host(record?.primary ?? null);
    if (record === null || primary === undefined) {
      return ['there is no primary in the end'];
    }
    for (const one of this.#acknowledged) {
      if (primary.data.wal[one.lsn - 1] === one.id) continue;
      say(`acknowledged write ${one.id} at ${one.lsn} is missing in the end`);
      break;
    }
    if (!primary.engine.serving)
      say(`healed, yet ${primary.id} does not serve: ${JSON.stringify(record.voterSet)} ${record.promotable}`);
    if (this.world.now - this.lastAcknowledgedAt > 1000) say('healed, yet nothing is acknowledged');
    if (primary.engine.damagedByHand && record.mode !== 'asynchronous')
      say(`healed, yet ${primary.id} never set again what was taken away by hand`);
    if (leaseOf(record) !== this.#configuredLeaseMs)
      say(`healed, yet the lease lasts ${leaseOf(record)} ms and ${this.#configuredLeaseMs} are configured`);
    const others = this.hosts.filter((one) => one.member && one !== primary);
    for (const host of others)
      if (!primary.engine.streams.get(host.id)?.open)
        say(`healed, yet ${host.id} (${host.engine.role}) does not follow`);
    const wanted = record.mode === 'asynchronous' ? [] : others.map((one) => one.id);
    const k = record.mode === 'synchronous' ? wanted.length : Math.min(1, wanted.length);
    const set = [...record.voterSet.members].sort().join();
    // Alone in its group it waits for nobody, and nobody can be promoted.
    if (others.length === 0 && set === '') return found;
    if (set !== wanted.join() || (wanted.length > 0 && record.voterSet.k !== k) || record.promotable !== 'voters')
      say(`healed, yet the voter set is ${record.voterSet.k} of ${record.voterSet.members} (${record.promotable})`);
    return found;
  }
}

/** A running standby that was granted and never promoted answers no write. */
function actsAsPrimary({ dead, role, startedAs }: PgEngine): boolean {
  return !dead && (startedAs === 'primary' || role === 'promoting' || role === 'primary');
}

/** By trying every promise quorum against every acknowledgement quorum. */
function covers(names: Names, record: GroupRecord): boolean {
  const { members, k } = record.voterSet;
  if (members.length === 0 || names.members.includes(nobody)) return true;
  if (names.members.length === 0) return false;
  const listed = names.members.map((name) => (name.endsWith(`_${tag}`) ? name.slice(0, -tag.length - 1) : name));
  for (const promised of subsets(members)) {
    if (promised.length !== members.length - k + 1) continue;
    for (const acked of subsets(listed))
      if (acked.length === names.k && !acked.some((node) => promised.includes(node))) return false;
  }
  return true;
}

function leaseOf(record: GroupRecord): number {
  return record.leaseMs ?? 2000;
}

function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) all.push(...all.map((one) => [...one, item]));
  return all;
}
