/**
 * The controller as far as one group's primary is concerned: a journalled failover that any later leader resumes. Runs in the agent that leads the
 * store; everything it remembers between steps is in the store's journal.
 */

import type { PromiseReport } from '../../cluster/commands';
import { recordAfterGrant } from '../../cluster/core/grant';
import {
  type Member,
  mustWaitForLease,
  promiseCheck,
  type RankingInput,
  rankCandidates,
} from '../../cluster/core/ranking';
import { formatLsn } from '../../kernel/lsn';
import type { Process } from './event-queue';
import type { SimNode } from './node';
import type { Journal, StoreModel } from './store-model';
import type { World } from './world';

export class ControllerModel {
  /** The leader's process in which a step is being executed; a new leader starts the step again. */
  #working: { readonly process: Process; readonly journal: number; until: number } | null = null;
  #nextId = 1;
  /** A planned switchover somebody asked for. */
  switchoverWanted = false;
  #failedAt = 0;

  constructor(
    private readonly world: World,
    private readonly store: StoreModel,
    private readonly members: readonly SimNode[],
  ) {
    this.#loop();
  }

  #loop(): void {
    this.world.queue.after(60, null, () => {
      const { leader } = this.store;
      if (leader?.agent && this.store.canLead(leader)) this.#cycle(leader, leader.agent.process);
      this.#loop();
    });
  }

  #cycle(leader: SimNode, process: Process): void {
    const { journal } = this.store;
    const busy = this.#working !== null && this.#working.process === process && this.world.now < this.#working.until;
    if (busy) return;
    if (journal === null) this.#analyse(leader);
    else if (this.world.now - journal.startedAt > (this.store.record.leaseReleased ? 3000 : 5000)) this.#finish(true);
    else this.#resume(journal, leader, process);
  }

  /** Lease gone or given back: fail over. Promises left over from an abandoned one: the holder takes the next epoch. */
  #analyse(leader: SimNode): void {
    const { record } = this.store;
    const remaining = this.store.leaseRemainingMs();
    const primary = this.members.find((node) => node.id === record.primary)!;
    if (remaining <= 0) {
      const mayPromote =
        record.mode === 'asynchronous' || (record.promotable === 'voters' && record.voterSet.members.length > 0);
      if (mayPromote && this.world.now - this.#failedAt > 500) this.#journal({ kind: 'failover', step: 'promises' });
      else if (record.leaseReleased && !mayPromote) this.#regrant(leader, primary);
      return;
    }
    const promisedAhead = this.members.some(
      (node) =>
        node !== primary &&
        node.up &&
        node.disk.member.promisedEpoch > record.epoch &&
        this.world.network.both(leader.id, node.id),
    );
    if (promisedAhead) this.#regrant(leader, primary);
    else if (this.switchoverWanted && record.promotable === 'voters' && primary.postgres.serving) {
      this.switchoverWanted = false;
      this.world.fired('planned switchover');
      this.#journal({ kind: 'switchover', step: 'demote' });
    }
  }

  #regrant(leader: SimNode, primary: SimNode): void {
    const { term } = this.store;
    this.world.send(
      leader.id,
      primary.id,
      () => primary.agent?.process ?? null,
      () => primary.agent!.onRegrant(term),
    );
  }

  #journal(change: Partial<Journal>): void {
    const { record, journal } = this.store;
    this.store.journal = {
      id: journal?.id ?? this.#nextId++,
      kind: 'failover',
      epoch: record.epoch + 1,
      step: 'promises',
      candidate: null,
      next: null,
      expectedRevision: this.store.revision,
      underLeaseGuard: true,
      startedAt: this.world.now,
      ...journal,
      ...change,
    };
    this.#working = null;
    const { id, kind, step, epoch, candidate, underLeaseGuard } = this.store.journal;
    this.world.note(
      `journal ${id} ${kind} ${step} epoch ${epoch} ${candidate ?? ''} ${underLeaseGuard ? 'guarded' : ''}`,
    );
    if (!this.world.healed && this.world.random.chance(0.08)) {
      this.world.fired(`controller lost after journalling ${this.store.journal.step}`);
      this.store.changeLeader();
    }
  }

  #finish(abandoned: boolean): void {
    const { record, journal } = this.store;
    this.store.journal = null;
    this.#working = null;
    if (abandoned) {
      this.#failedAt = this.world.now;
      this.world.fired('operation abandoned');
      const primary = this.members.find((node) => node.id === record.primary)!;
      if (record.leaseReleased && this.store.leader !== null && journal?.step !== 'promote')
        this.#regrant(this.store.leader, primary);
    }
  }

  #resume(journal: Journal, leader: SimNode, process: Process): void {
    const { record } = this.store;
    this.#working = { process, journal: journal.id, until: this.world.now + 700 };
    if (record.epoch >= journal.epoch && journal.step !== 'promote') {
      if (journal.step === 'grant' && record.epoch === journal.epoch && record.primary === journal.candidate) {
        this.#journal({ step: 'promote' });
      } else this.#finish(false);
      return;
    }
    switch (journal.step) {
      case 'demote':
        this.#demote(leader);
        return;
      case 'promises':
        this.#collect(journal, leader, process);
        return;
      case 'grant':
        this.#grant(journal, leader, process);
        return;
      case 'promote': {
        const node = this.members.find((one) => one.id === journal.candidate)!;
        if (record.epoch !== journal.epoch || node.postgres.serving) this.#finish(false);
        else this.#working.until = this.world.now + 100;
        return;
      }
    }
  }

  #demote(leader: SimNode): void {
    const { record } = this.store;
    const primary = this.members.find((node) => node.id === record.primary)!;
    if (record.leaseReleased || this.store.leaseRemainingMs() <= 0) {
      this.#journal({ step: 'promises' });
      return;
    }
    this.#working!.until = this.world.now + 150;
    this.world.send(
      leader.id,
      primary.id,
      () => primary.agent?.process ?? null,
      () => {
        if (primary.agent!.lease.epoch === record.epoch && !primary.agent!.lease.giveBack)
          primary.agent!.giveBack('planned');
      },
    );
  }

  #collect(journal: Journal, leader: SimNode, process: Process): void {
    const { record, revision, term } = this.store;
    const promises = new Map<string, PromiseReport>();
    const asked = this.members.filter((node) => node.id !== record.primary);
    for (const node of asked) {
      this.world.send(
        leader.id,
        node.id,
        () => node.agent?.process ?? null,
        () => {
          node.agent!.onPromise(journal.epoch, term, (report) => {
            if ('refused' in report) return;
            this.world.send(
              node.id,
              leader.id,
              () => process,
              () => promises.set(node.id, report),
            );
          });
        },
      );
    }
    const waitMs = 220;
    this.#working!.until = this.world.now + waitMs + 50;
    this.world.queue.after(waitMs, process, () => {
      if (
        this.store.leader !== leader ||
        this.store.journal?.id !== journal.id ||
        this.store.journal.step !== 'promises'
      )
        return;
      if (this.store.revision !== revision || record.epoch + 1 !== journal.epoch) return;
      this.#choose([...promises.values()], revision);
    });
  }

  #choose(promises: readonly PromiseReport[], revision: number): void {
    const { record } = this.store;
    const input: RankingInput = {
      record: this.world.is('promises-minus-one')
        ? {
            ...record,
            voterSet: { ...record.voterSet, k: Math.min(record.voterSet.members.length, record.voterSet.k + 1) },
          }
        : record,
      members: this.members.map((node) => this.#memberOf(node)),
      promises,
      purpose: 'failover',
      automatic: true,
      allowDataLoss: false,
      preferredRegion: null,
      primaryLsn: null,
      maximumLagBytes: 1e9,
      staleAfterMs: 1e9,
    };
    if (!promiseCheck(input).ok) return;
    let chosen = rankCandidates(input).find((one) => one.eligible)?.node;
    if (this.world.is('rank-by-lsn-only')) {
      chosen = [...promises].sort((a, b) =>
        Number(BigInt(`0x${b.lsn.replace('/', '')}`) - BigInt(`0x${a.lsn.replace('/', '')}`)),
      )[0]?.node;
    }
    if (chosen === undefined) return;
    const next = recordAfterGrant({
      record,
      candidate: chosen,
      promises,
      members: this.members.map((node) => node.id),
      at: '',
    });
    this.#journal({
      step: 'grant',
      candidate: chosen,
      next: { ...next, timelineHistory: next.timelineHistory.slice(-30) },
      expectedRevision: revision,
      underLeaseGuard: mustWaitForLease({ ...input, failoverWait: record.failoverWait }),
    });
  }

  #memberOf(node: SimNode): Member {
    const { postgres } = node;
    return {
      node: node.id,
      region: '',
      priority: 100,
      maintenance: false,
      wanted: 'running',
      reportAgeMs: 0,
      postgresState: postgres.role === 'promoting' ? 'standby' : postgres.role === 'dead' ? 'stopped' : postgres.role,
      timeline: postgres.timeline,
      lsn: formatLsn(BigInt(postgres.lsn)),
      replayPaused: false,
      loadPercent: 0,
    };
  }

  #grant(journal: Journal, leader: SimNode, process: Process): void {
    const { term } = this.store;
    if (this.store.revision !== journal.expectedRevision) {
      /* Something changed since the promises were counted; count again. */
      this.#journal({ step: 'promises', candidate: null, next: null });
      return;
    }
    const node = this.members.find((one) => one.id === journal.candidate)!;
    const request = {
      epoch: journal.epoch,
      controllerTerm: term,
      expectedRevision: journal.expectedRevision,
      next: journal.next!,
      guard: journal.underLeaseGuard,
    };
    this.#working!.until = this.world.now + 400;
    this.world.send(
      leader.id,
      node.id,
      () => node.agent?.process ?? null,
      () => {
        node.agent!.onGrant(request, (result) => {
          this.world.send(
            node.id,
            leader.id,
            () => process,
            () => {
              if (
                this.store.leader !== leader ||
                this.store.journal?.id !== journal.id ||
                this.store.journal.step !== 'grant'
              )
                return;
              if (result === 'granted') this.#journal({ step: 'promote' });
              else this.#working = null;
            },
          );
        });
      },
    );
  }
}
