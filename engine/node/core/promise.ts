/**
 * A member's side of a promotion: what this node may do, given what it has promised. Pure decisions; the shell makes `durable` safe on disk
 * *before* it acts on an acceptance or answers.
 *
 * Invariants kept: promised epoch and controller term never fall; a node that promised epoch e never follows a primary of an epoch below e;
 * a node that confirmed an epoch to a holder without control majority joins no promotion until that confirmation has run out.
 */
import type { Fence } from '../../cluster/commands';
import type { GroupRecord } from '../../cluster/model';
import type { Epoch, MonotonicMs, NodeId } from '../../kernel/ids';

/** What survives a restart of the node (fsynced before it counts). */
export type DurableMemberState = {
  readonly promisedEpoch: Epoch;
  readonly controllerTerm: number;
  /** The last epoch whose lease this node held or tried to take; 0: never. */
  readonly lastHeldEpoch: Epoch;
  /** For how long a confirmation that this node gave to a holder may still count after a restart; absent: not known. */
  readonly confirmedHoldMs?: number;
  /** As holder: the shortest length this node has begun to count its lease by; absent: as the record says. */
  readonly countedLeaseMs?: number;
  /** The timeline to which somebody promoted this node's server by hand, until it is copied anew; absent or 0: nobody did. */
  readonly byHandTimeline?: number;
};

export const initialDurableMemberState: DurableMemberState = { promisedEpoch: 0, controllerTerm: 0, lastHeldEpoch: 0 };

/** Numbers only rise: of two states each number's higher one, whichever was decided first. */
export function raised(a: DurableMemberState, b: DurableMemberState): DurableMemberState {
  return {
    promisedEpoch: Math.max(a.promisedEpoch, b.promisedEpoch),
    controllerTerm: Math.max(a.controllerTerm, b.controllerTerm),
    lastHeldEpoch: Math.max(a.lastHeldEpoch, b.lastHeldEpoch),
    ...longest('confirmedHoldMs', a, b),
    ...longest('byHandTimeline', a, b),
    ...(a.countedLeaseMs === undefined && b.countedLeaseMs === undefined
      ? {}
      : { countedLeaseMs: Math.min(a.countedLeaseMs ?? Infinity, b.countedLeaseMs ?? Infinity) }),
  };
}

function longest(
  field: 'confirmedHoldMs' | 'byHandTimeline',
  a: DurableMemberState,
  b: DurableMemberState,
): Partial<DurableMemberState> {
  if (a[field] === undefined && b[field] === undefined) return {};
  return { [field]: Math.max(a[field] ?? 0, b[field] ?? 0) };
}

/** Fail-safe confirmation given to a holder; in memory only, a restart waits instead (`holdAfterRestart`). */
export type FailSafeHold = { readonly epoch: Epoch; readonly until: MonotonicMs };

export type MemberFacts = {
  readonly self: NodeId;
  /** The record as this node's replica of the store has it, possibly old. */
  readonly record: GroupRecord | null;
  readonly durable: DurableMemberState;
  readonly hold: FailSafeHold | null;
  /** `holder`: this node has (or may still have) the group's lease. */
  readonly role: 'holder' | 'member';
  /**
   * True: this node's disk is new (no durable member state, or no data directory) and the record still counts it as a promotable voter. It has
   * forgotten what it promised, so it neither promises nor follows until it has written `withoutLostVoter`.
   */
  readonly lostVoter?: boolean;
  readonly now: MonotonicMs;
};

export type Refusal = {
  readonly ok: false;
  readonly rule:
    | 'stale-controller-term'
    | 'stale-epoch'
    | 'promised-higher'
    | 'not-promised'
    | 'fail-safe-hold'
    | 'holds-the-lease'
    | 'not-the-record'
    | 'unknown-group'
    | 'lost-its-disk'
    | 'promoted-by-hand';
  readonly sentence: string;
  /** Worth asking again after this long; null: not by waiting. */
  readonly retryAfterMs: number | null;
};

/** `durable` differs from the facts' one when something must reach the disk before the command is obeyed or answered. */
export type Accepted = { readonly ok: true; readonly durable: DurableMemberState };
export type MemberDecision = Accepted | Refusal;

function refuse(rule: Refusal['rule'], sentence: string, retryAfterMs: number | null = null): Refusal {
  return { ok: false, rule, sentence, retryAfterMs };
}

/** Every command first: refuses a lower controller term, remembers a higher one. */
export function admitFence(durable: DurableMemberState, fence: Pick<Fence, 'controllerTerm'>): MemberDecision {
  if (fence.controllerTerm < durable.controllerTerm) {
    return refuse(
      'stale-controller-term',
      `The command is of controller term ${fence.controllerTerm}; this node has obeyed term ${durable.controllerTerm}.`,
    );
  }
  return {
    ok: true,
    durable:
      fence.controllerTerm === durable.controllerTerm ? durable : { ...durable, controllerTerm: fence.controllerTerm },
  };
}

/** May this node promise `epoch`? On success: persist `durable`, stop receiving, see the walreceiver gone, only then report. */
export function decidePromise(
  facts: MemberFacts,
  request: { readonly epoch: Epoch; readonly fence: Pick<Fence, 'controllerTerm'> },
): MemberDecision {
  const admitted = admitFence(facts.durable, request.fence);
  if (!admitted.ok) return admitted;
  const { durable, record, hold, now } = { ...facts, durable: admitted.durable };
  if (record !== null && request.epoch <= record.epoch) {
    return refuse('stale-epoch', `Epoch ${request.epoch} is not after epoch ${record.epoch} of the group record.`);
  }
  if (request.epoch < durable.promisedEpoch) {
    return refuse('promised-higher', `This node has promised epoch ${durable.promisedEpoch}.`);
  }
  if (facts.lostVoter) return refuse('lost-its-disk', 'This voter lost its data directory, and its promise with it.');
  if ((durable.byHandTimeline ?? 0) > 0) {
    return refuse('promoted-by-hand', 'Somebody promoted this server by hand: what it has proves nothing.');
  }
  if (facts.role === 'holder') {
    return refuse('holds-the-lease', 'This node holds the group lease; it gives it back only by a planned stop.');
  }
  if (hold !== null && hold.until > now) {
    return refuse(
      'fail-safe-hold',
      `This node confirmed epoch ${hold.epoch} to its primary and joins no promotion until that has run out.`,
      Math.ceil(hold.until - now),
    );
  }
  return { ok: true, durable: { ...durable, promisedEpoch: request.epoch } };
}

/** May this node stream from `primary` of `epoch`? The pair must be the group record's, and at or above what was promised. */
export function decideFollow(
  facts: MemberFacts,
  wanted: { readonly primary: NodeId; readonly epoch: Epoch },
): MemberDecision {
  const { durable, record } = facts;
  if (wanted.epoch < durable.promisedEpoch) {
    return refuse(
      'promised-higher',
      `This node has promised epoch ${durable.promisedEpoch} and never again follows epoch ${wanted.epoch}.`,
    );
  }
  if (facts.lostVoter)
    return refuse('lost-its-disk', 'The record still counts this node as a voter it no longer is.', 100);
  if (record === null) return refuse('unknown-group', 'The group record is not known here yet.', 100);
  if (wanted.epoch < record.epoch) {
    return refuse('stale-epoch', `The group is at epoch ${record.epoch}; ${wanted.primary} had epoch ${wanted.epoch}.`);
  }
  if (wanted.epoch > record.epoch || wanted.primary !== record.primary || wanted.primary === facts.self) {
    return refuse('not-the-record', `The group record does not name ${wanted.primary} for epoch ${wanted.epoch}.`, 100);
  }
  if (facts.role === 'holder') {
    return refuse('holds-the-lease', 'This node holds the group lease and follows nobody.');
  }
  return { ok: true, durable };
}

/** May this node propose itself as holder of `epoch`? It must itself have promised exactly that epoch, and nothing higher. */
export function decideGrant(
  facts: MemberFacts,
  request: { readonly epoch: Epoch; readonly fence: Pick<Fence, 'controllerTerm'> },
): MemberDecision {
  const admitted = admitFence(facts.durable, request.fence);
  if (!admitted.ok) return admitted;
  const durable = admitted.durable;
  const already = facts.record !== null && facts.record.epoch === request.epoch && facts.record.primary === facts.self;
  if (already) return { ok: true, durable };
  if (facts.record !== null && request.epoch <= facts.record.epoch) {
    return refuse(
      'stale-epoch',
      `Epoch ${request.epoch} is not after epoch ${facts.record.epoch} of the group record.`,
    );
  }
  if (facts.hold !== null && facts.hold.until > facts.now) {
    return refuse(
      'fail-safe-hold',
      `This node confirmed epoch ${facts.hold.epoch} to its primary.`,
      Math.ceil(facts.hold.until - facts.now),
    );
  }
  // Promoted between its promise and now: another one is chosen.
  if ((durable.byHandTimeline ?? 0) > 0 && facts.record?.primary !== facts.self) {
    return refuse('promoted-by-hand', 'Somebody promoted this server by hand since it promised.');
  }
  /* The present holder may take the next epoch itself: that is how an abandoned failover gives the promised members a primary to follow. */
  if (facts.role !== 'holder' && durable.promisedEpoch !== request.epoch) {
    return refuse('not-promised', `This node has promised epoch ${durable.promisedEpoch}, not ${request.epoch}.`);
  }
  if (durable.promisedEpoch > request.epoch) {
    return refuse('promised-higher', `This node has promised epoch ${durable.promisedEpoch}.`);
  }
  return {
    ok: true,
    durable: { ...durable, promisedEpoch: request.epoch, lastHeldEpoch: request.epoch },
  };
}

export type ResumeDecision =
  | { readonly kind: 'resume' }
  /** A higher epoch was promised: its operation goes on, or has just ended and the next one may begin. */
  | { readonly kind: 'wait'; readonly forEpoch: Epoch }
  /** Nobody goes on with the promised epoch: serve the one on record, then take the promised one oneself, so that every promise is met. */
  | { readonly kind: 'resume-and-take'; readonly epoch: Epoch };

/**
 * The record's own primary, back from a restart or a stop. Resuming is safe whatever was promised: the store renews only the lease on record, and
 * members that promised more follow nobody below it. Waiting for ever would not be: a grant prepared here may never have reached the store.
 */
export function decideResume(
  durable: DurableMemberState,
  record: Pick<GroupRecord, 'epoch' | 'operation'>,
  waitedMs: number,
  abandonedAfterMs: number,
): ResumeDecision {
  const { promisedEpoch } = durable;
  if (promisedEpoch <= record.epoch) return { kind: 'resume' };
  if (record.operation !== null || waitedMs < abandonedAfterMs) return { kind: 'wait', forEpoch: promisedEpoch };
  return { kind: 'resume-and-take', epoch: promisedEpoch };
}

export type ConfirmDecision = {
  readonly confirmed: boolean;
  readonly epoch: Epoch;
  readonly hold: FailSafeHold | null;
};

/**
 * Fail-safe: a holder without a control majority asks this member to confirm its epoch. Confirming means joining no promotion for `holdMs`
 * from now on (the holder counts from before it asked, so it always stops first).
 */
export function decideConfirm(
  facts: MemberFacts,
  request: { readonly epoch: Epoch; readonly holder: NodeId; readonly holdMs: number },
): ConfirmDecision {
  const { durable, record, hold, now } = facts;
  const known = Math.max(durable.promisedEpoch, record?.epoch ?? 0);
  const holderIsRight = record === null || record.epoch < request.epoch || record.primary === request.holder;
  const confirmed = facts.role === 'member' && known <= request.epoch && holderIsRight;
  if (!confirmed) return { confirmed: false, epoch: known, hold };
  return {
    confirmed: true,
    epoch: request.epoch,
    hold: { epoch: request.epoch, until: Math.max(hold?.until ?? 0, now + request.holdMs) },
  };
}

/**
 * What must be on disk before a confirmation is answered: the longest time that one given so far may still count. Null: what stands there is enough.
 * It falls again only when nothing longer runs any more.
 */
export function holdToStore(
  stored: number | undefined,
  facts: Pick<MemberFacts, 'hold' | 'now'>,
  holdMs: number,
): number | null {
  const running = Math.max(0, Math.ceil((facts.hold?.until ?? 0) - facts.now));
  const needed = Math.max(holdMs, running);
  if (stored === undefined || stored < needed) return needed;
  return running <= holdMs && stored > holdMs ? holdMs : null;
}

/**
 * The moment a confirmation ends is not written to disk, only how long it may last. A node that starts may have given one just before it died,
 * so it behaves as if it had: for that long it joins no promotion.
 */
export function holdAfterRestart(now: MonotonicMs, leaseMs: number, epoch: Epoch): FailSafeHold {
  return { epoch, until: now + leaseMs };
}
