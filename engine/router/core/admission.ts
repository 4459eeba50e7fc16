/**
 * Who may be connected to which server of a group, decided from the nodes' own answers. Invariants: a session reaches a primary only under
 * the newest epoch known and before that node's own deadline, counted from the moment the question was *sent*; a session whose primary
 * lost either must end. A clock since boot that went ahead of the monotonic one (the machine slept) counts as a passed deadline.
 */
import type { BootMs, Epoch, GroupName, MonotonicMs, NodeId } from '../../kernel/ids';
import type { RouteAnswer } from '../../runtime/engine-api';

export type Instant = { readonly monotonic: MonotonicMs; readonly boot: BootMs };

export type KnownRoute = {
  readonly answer: RouteAnswer;
  /** When the question was sent; the answer is true from then on, for `remainingMs`. */
  readonly sent: Instant;
  readonly deadline: MonotonicMs;
};

export type GroupRoutes = {
  readonly group: GroupName;
  /** The highest epoch heard of, from whomever. */
  readonly epoch: Epoch;
  readonly nodes: ReadonlyMap<NodeId, KnownRoute>;
};

/** What a session was admitted under. */
export type Pin = { readonly kind: 'rw' | 'ro'; readonly node: NodeId; readonly epoch: Epoch };

export type Target = {
  readonly node: NodeId;
  readonly host: string;
  readonly port: number;
  readonly epoch: Epoch;
};

export type Admission =
  | { readonly kind: 'admit'; readonly target: Target }
  | { readonly kind: 'hold'; readonly reason: string };

/** How far the clock since boot may run ahead of the monotonic one within one answer. */
const sleptMs = 250;

export function emptyRoutes(group: GroupName): GroupRoutes {
  return { group, epoch: 0, nodes: new Map() };
}

export function noteEpoch(routes: GroupRoutes, epoch: Epoch): GroupRoutes {
  return epoch > routes.epoch ? { ...routes, epoch } : routes;
}

/** An answer to a question sent at `sent`; one that was asked earlier than what is already known tells at most of a newer epoch. */
export function applyAnswer(routes: GroupRoutes, node: NodeId, answer: RouteAnswer, sent: Instant): GroupRoutes {
  if (answer.group !== routes.group || answer.node !== node) return routes;
  const known = routes.nodes.get(node);
  if (known !== undefined && known.sent.monotonic > sent.monotonic) return noteEpoch(routes, answer.epoch);
  const nodes = new Map(routes.nodes);
  // A time that was over before the question was sent stays over, also for a clock that reads a little earlier.
  const remainingMs = Number.isFinite(answer.remainingMs) ? answer.remainingMs : 0;
  nodes.set(node, { answer, sent, deadline: sent.monotonic + remainingMs });
  return { ...routes, nodes, epoch: Math.max(routes.epoch, answer.epoch) };
}

/** Forgets nodes that no longer belong to the group. */
export function keepNodes(routes: GroupRoutes, members: readonly NodeId[]): GroupRoutes {
  if ([...routes.nodes.keys()].every((node) => members.includes(node))) return routes;
  return { ...routes, nodes: new Map([...routes.nodes].filter(([node]) => members.includes(node))) };
}

export function isPast(known: KnownRoute, now: Instant): boolean {
  if (now.monotonic >= known.deadline) return true;
  const bootAhead = now.boot - known.sent.boot - (now.monotonic - known.sent.monotonic);
  return bootAhead > sleptMs;
}

/** The node that said it is primary under the newest epoch, whether its deadline has passed or not. */
export function believedPrimary(routes: GroupRoutes): KnownRoute | null {
  for (const known of routes.nodes.values()) {
    if (known.answer.role === 'primary' && known.answer.epoch === routes.epoch) return known;
  }
  return null;
}

/** Whether a new session may go to the group's primary right now. */
export function admitToPrimary(routes: GroupRoutes, now: Instant): Admission {
  const known = believedPrimary(routes);
  if (known === null) return { kind: 'hold', reason: `no node of group ${routes.group} says that it is its primary` };
  const { answer } = known;
  if (answer.draining) {
    return { kind: 'hold', reason: `${answer.node} is handing group ${routes.group} over to another node` };
  }
  if (isPast(known, now)) {
    return { kind: 'hold', reason: `the permission of ${answer.node} to serve group ${routes.group} has run out` };
  }
  const { node, host, port, epoch } = answer;
  return { kind: 'admit', target: { node, host, port, epoch } };
}

/** Why an open session (or an attempt under way) must end now; null: it may go on. */
export function whyEnd(routes: GroupRoutes, pin: Pin, now: Instant): string | null {
  const known = routes.nodes.get(pin.node);
  if (known === undefined) return `${pin.node} no longer belongs to group ${routes.group}`;
  const { answer } = known;
  // A standby needs no permission to answer reads; one that was promoted under a read session does.
  if (pin.kind === 'ro' && answer.role !== 'primary') return null;
  if (pin.kind === 'rw' && (routes.epoch > pin.epoch || answer.epoch !== pin.epoch)) {
    return `group ${routes.group} changed its primary (epoch ${pin.epoch} ended)`;
  }
  if (answer.epoch < routes.epoch) return `group ${routes.group} changed its primary (epoch ${answer.epoch} ended)`;
  if (answer.role !== 'primary') return `${pin.node} is no longer the primary of group ${routes.group}`;
  if (isPast(known, now)) return `the permission of ${pin.node} to serve group ${routes.group} has run out`;
  return null;
}
