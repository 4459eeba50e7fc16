/**
 * What must never happen, judged from true time and from everybody's disk at once. Written without the code under test: it knows ids, positions,
 * sets and epochs, and no decision function. Every violation is a sentence with the true time.
 */
import type { GroupRecord } from '../../cluster/model';
import type { SimNode } from './node';
import type { Names, PostgresModel, Session } from './postgres-model';
import type { StoreModel } from './store-model';
import type { World } from './world';

type Acknowledged = { readonly id: number; readonly lsn: number };

export class Checker {
  readonly violations: string[] = [];
  #nextId = 1;
  /** Everything acknowledged that may not be lost. */
  #acknowledged: Acknowledged[] = [];
  #latest: { epoch: number; node: string; firstAt: number } | null = null;
  #staleFrom = new Map<string, number>();
  #grants = new Map<number, string>();
  /** True time until which the store (or the voters) let (node, epoch) serve, at the very most. */
  /** In which mode an epoch ended; its holder may have known nothing newer. */
  #modes = new Map<number, string>();
  #leaseEnd = new Map<string, number>();
  nodes: readonly SimNode[] = [];
  store!: StoreModel;
  lastAcknowledgedAt = 0;
  /** Voters prolong a lease that this checker sees only the store prolong. */
  failSafe = false;

  constructor(private readonly world: World) {}

  nextId(): number {
    return this.#nextId++;
  }
  fail(what: string): void {
    if (this.violations.length < 5) this.violations.push(`${Math.round(this.world.now)} ms: ${what}`);
  }

  // ------------------------------------------------------------ acknowledgements
  acknowledged(server: PostgresModel, id: number, lsn: number, session: Session | null): void {
    const { record } = this.store;
    this.world.counters.acknowledged++;
    this.lastAcknowledgedAt = this.world.now;
    if (server.data.wal[lsn - 1] !== id) this.fail(`${server.id} acknowledged a record it does not have`);
    const { epoch } = server;
    if (this.#latest === null || epoch > this.#latest.epoch) {
      if (this.#latest?.node !== server.id) this.#latest = { epoch, node: server.id, firstAt: this.world.now };
      else this.#latest = { ...this.#latest, epoch };
    } else if (server.id !== this.#latest.node) {
      this.#stale(server, session);
      return;
    }
    if (server.names.members.length === 0) this.#withinLease(server);
    if (record.mode === 'asynchronous') return;
    this.#acknowledged.push({ id, lsn });
    this.#checkCoverage(lsn);
  }

  /** Where no standby is asked, only the lease stands between two primaries: 200 ms after waking up at the most. */
  #withinLease(server: PostgresModel): void {
    const node = this.nodes.find((one) => one.id === server.id)!;
    if (this.failSafe || node.guardian?.process.frozen) return;
    const end = this.#leaseEnd.get(`${server.id}/${server.epoch}`);
    if (end === undefined) return;
    const late = this.world.now - end;
    const thawed = this.#staleFrom.get(server.id);
    if (late > 0 && (thawed === undefined || this.world.now - thawed > 200)) {
      this.fail(`${server.id} acknowledges alone ${Math.round(late)} ms after its lease of epoch ${server.epoch}`);
    }
  }
  #stale(server: PostgresModel, session: Session | null): void {
    const who = `${server.id} acknowledged under epoch ${server.epoch} after ${this.#latest!.node} had under ${this.#latest!.epoch}`;
    if (this.#modes.get(server.epoch) !== 'asynchronous') {
      this.fail(who);
      return;
    }
    if (session?.kind === 'router' && session.open) this.fail(`${who}, through the router`);
    const first = Math.max(this.#staleFrom.get(server.id) ?? 0, this.#latest!.firstAt);
    if (this.world.now - first > 200) this.fail(`${who}, ${Math.round(this.world.now - first)} ms long`);
  }
  thawed(node: string): void {
    this.#staleFrom.set(node, this.world.now);
  }

  // ------------------------------------------------------------ promotion and starts
  promoted(server: PostgresModel): void {
    const { record } = this.store;
    const current = record.epoch === server.epoch && record.primary === server.id;
    if (!current && !this.#withinOldLease(server.id, server.epoch)) {
      this.fail(`${server.id} was promoted under epoch ${server.epoch}, which it was not granted or no longer has`);
    }
    if (record.mode === 'asynchronous') {
      this.#acknowledged = this.#acknowledged.filter((one) => server.data.wal[one.lsn - 1] === one.id);
      return;
    }
    const lost = this.#acknowledged.filter((one) => server.data.wal[one.lsn - 1] !== one.id);
    if (lost.length > 0) {
      this.fail(
        `promotion of ${server.id} (epoch ${server.epoch}) loses ${lost.length} acknowledged writes, first at ${lost[0]!.lsn}, it has ${server.lsn}`,
      );
    }
    if (current && record.promotable === 'voters' && !this.#covers(server.data.names, record)) {
      this.fail(`${server.id} was promoted while its list does not cover the voter set`);
    }
  }
  primaryStarts(server: PostgresModel, epoch: number): void {
    const { record } = this.store;
    const current = record.primary === server.id && record.epoch >= epoch && !record.leaseReleased;
    if (!current && !this.#withinOldLease(server.id, epoch)) {
      this.fail(`${server.id} started as primary of epoch ${epoch} without holding it`);
    }
  }
  /** After promises the next epoch may begin before the old lease ends; until then the old holder can't know, nor get an acknowledgement. */
  #withinOldLease(node: string, epoch: number): boolean {
    const { record } = this.store;
    if (record.mode === 'asynchronous' || record.epoch <= epoch) return false;
    return this.world.now <= (this.#leaseEnd.get(`${node}/${epoch}`) ?? 0);
  }
  startedOverLeftovers(server: PostgresModel): void {
    this.fail(`${server.id} was started while processes of its data directory were left`);
  }

  // ------------------------------------------------------------ store
  recordChanged(before: GroupRecord, after: GroupRecord): void {
    if (after.epoch !== before.epoch) {
      this.#modes.set(before.epoch, before.mode);
      if (after.epoch !== before.epoch + 1) this.fail(`epoch went from ${before.epoch} to ${after.epoch}`);
      if (this.#grants.has(after.epoch)) this.fail(`epoch ${after.epoch} was granted twice`);
      this.#grants.set(after.epoch, after.primary ?? '');
      this.#prolong(after.primary ?? '', after.epoch, this.world.now);
      return;
    }
    const holder = this.nodes.find((node) => node.id === after.primary);
    if (after.leaseReleased && !before.leaseReleased && !holder?.postgres.dead) {
      this.fail(`${after.primary} released its lease with processes left`);
    }
    if (after.primary !== before.primary) this.fail(`primary changed within epoch ${after.epoch}`);
    if (after.promotable === 'voters' && after.mode !== 'asynchronous') {
      const primary = this.nodes.find((node) => node.id === after.primary);
      if (primary?.postgres.serving) this.#checkSetting(primary.postgres, after);
      const last = this.#acknowledged.at(-1);
      if (last !== undefined) this.#checkCoverage(last.lsn);
    }
  }
  #checkSetting(server: PostgresModel, record: GroupRecord): void {
    if (record.voterSet.members.length === 0) return;
    for (const names of server.activeNames()) {
      if (!this.#covers(names, record)) {
        this.fail(
          `${server.id} waits for ${names.k} of ${names.members}, the store says ${record.voterSet.k} of ${record.voterSet.members}`,
        );
      }
    }
  }
  /** By trying every promise quorum against every acknowledgement quorum. */
  #covers(names: Names, record: GroupRecord): boolean {
    const { members, k } = record.voterSet;
    if (members.length === 0) return true;
    if (names.members.length === 0) return false;
    const needed = members.length - k + 1;
    for (const promised of subsets(members)) {
      if (promised.length !== needed) continue;
      for (const acked of subsets(names.members)) {
        if (acked.length === names.k && !acked.some((node) => promised.includes(node))) return false;
      }
    }
    return true;
  }
  /** With the current epoch's history: enough voters have it, or it lies below the epoch's start (then only who has the start may be promoted). */
  #checkCoverage(lsn: number): void {
    const { record } = this.store;
    if (record.mode === 'asynchronous' || record.promotable !== 'voters' || record.voterSet.members.length === 0)
      return;
    const primary = this.nodes.find((node) => node.id === record.primary)!;
    if (!primary.postgres.serving || primary.postgres.epoch !== record.epoch) return;
    const start = primary.disk.data.timelines.at(-1)!.start;
    const upTo = Math.max(lsn, 0);
    if (upTo <= start) return;
    const id = primary.disk.data.wal[upTo - 1];
    const having = record.voterSet.members.filter(
      (member) => this.nodes.find((node) => node.id === member)!.disk.data.wal[upTo - 1] === id,
    );
    if (having.length < record.voterSet.k && !this.#someVoterIsWiped(record)) {
      this.fail(
        `position ${upTo} is acknowledged, only ${having.length} of ${record.voterSet.members} have it (k = ${record.voterSet.k})`,
      );
    }
  }
  #someVoterIsWiped(record: GroupRecord): boolean {
    return record.voterSet.members.some((member) => !this.nodes.find((node) => node.id === member)!.disk.known);
  }

  // ------------------------------------------------------------ streams, data, routing
  streamBegins(primary: PostgresModel, standby: PostgresModel): void {
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
  dataDeleted(node: SimNode, primary: SimNode, epoch: number): void {
    if (!node.disk.data.present) return;
    /* The last answer and the swap are a little apart; a complete copy is there by then. */
    const healthy = primary.postgres.serving || this.world.now - primary.postgres.vanishedAt < 110;
    if (!healthy || primary.postgres.epoch < epoch) {
      this.fail(`${node.id} threw its data away without a healthy primary`);
    }
    if (node.disk.member.lastHeldEpoch > epoch) {
      this.fail(`${node.id} threw data of epoch ${node.disk.member.lastHeldEpoch} away for epoch ${epoch}`);
    }
    const { wal } = primary.postgres.data;
    const lost = this.#acknowledged.filter(
      (one) => node.disk.data.wal[one.lsn - 1] === one.id && wal[one.lsn - 1] !== one.id,
    );
    if (lost.length > 0) this.fail(`${node.id} threw ${lost.length} acknowledged writes away that ${primary.id} lacks`);
  }
  renewed(node: string, epoch: number): void {
    this.#prolong(node, epoch, this.world.now);
  }
  #prolong(node: string, epoch: number, at: number): void {
    const key = `${node}/${epoch}`;
    this.#leaseEnd.set(key, Math.max(this.#leaseEnd.get(key) ?? 0, at + this.store.leaseMs));
  }
  /** The router let a new session through. Under fail-safe the voters prolong what the store can not; they hold back promotions meanwhile. */
  admitted(node: string, epoch: number): void {
    const { record } = this.store;
    const superseded = record.epoch > epoch && record.primary !== node;
    const end = this.#leaseEnd.get(`${node}/${epoch}`) ?? 0;
    if (superseded && this.world.now > end) {
      this.fail(
        `the router admitted a session to ${node} (epoch ${epoch}) ${Math.round(this.world.now - end)} ms after its lease`,
      );
    }
  }

  // ------------------------------------------------------------ end
  finish(): void {
    const { record } = this.store;
    const primary = this.nodes.find((node) => node.id === record.primary)!;
    for (const one of this.#acknowledged) {
      if (primary.disk.data.wal[one.lsn - 1] !== one.id) {
        this.fail(`acknowledged write ${one.id} at ${one.lsn} is missing in the end`);
        break;
      }
    }
    if (!primary.postgres.serving)
      this.fail(`healed, yet ${primary.id} does not serve: ${JSON.stringify(record.voterSet)} ${record.promotable}`);
    if (this.world.now - this.lastAcknowledgedAt > 1000) this.fail('healed, yet nothing is acknowledged');
    for (const node of this.nodes.filter((one) => one.member && one !== primary)) {
      const stream = primary.postgres.streams.get(node.id);
      if (!stream?.open) this.fail(`healed, yet ${node.id} (${node.postgres.role}) does not follow`);
    }
    const others = this.nodes.filter((one) => one.member && one !== primary).map((one) => one.id);
    const wanted = record.mode === 'asynchronous' ? [] : others;
    const k = record.mode === 'synchronous' ? wanted.length : Math.min(1, wanted.length);
    if (
      [...record.voterSet.members].sort().join() !== wanted.join() ||
      record.voterSet.k !== k ||
      record.promotable !== 'voters'
    ) {
      this.fail(
        `healed, yet the voter set is ${record.voterSet.k} of ${record.voterSet.members} (${record.promotable})`,
      );
    }
  }
}

function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) all.push(...all.map((one) => [...one, item]));
  return all;
}
