/** What faults are made of: each returns how it is undone, or null where there is nothing to strike. */
import type { ClusterConfig } from '../../cluster/model';
import type { OperationRequest } from '../../operations/model';
import type { Requester, StartOperation } from '../../runtime/engine-api';
import type { Host } from './host';
import type { Scene } from './scene';

/** `atLeastMs`: for as long it stands whatever chance says, if the run goes on for so long. */
export type Undo = (() => void) & { readonly atLeastMs?: number };
export type Fault = (scene: Scene) => Undo | null;

export const nothing: Undo = () => undefined;
export const primaryOf = (scene: Scene): Host =>
  scene.members.find((one) => one.id === scene.record()?.primary) ?? scene.members[0]!;
export const someMember = (scene: Scene): Host =>
  scene.world.random.chance(0.5) ? primaryOf(scene) : scene.world.random.pick(scene.members);
export const someStandby = (scene: Scene): Host | null => {
  const all = scene.members.filter((one) => one !== primaryOf(scene));
  return all.length === 0 ? null : scene.world.random.pick(all);
};

export function crash(host: Host | null): Undo | null {
  if (!host?.up) return null;
  host.crash();
  return () => host.restart();
}
export function agentDeath(host: Host): Undo | null {
  if (!host.up || host.agent === null) return null;
  host.killAgent();
  return () => host.startAgent();
}
export function cutBothWays(scene: Scene, pairs: readonly (readonly [string, string])[]): Undo {
  const { network } = scene.world;
  for (const [from, to] of pairs) {
    network.cut(from, to);
    network.cut(to, from);
  }
  let over = false;
  return () => {
    if (over) return;
    over = true;
    for (const [from, to] of pairs) {
      network.heal(from, to);
      network.heal(to, from);
    }
  };
}
export function isolate(scene: Scene, host: Host): Undo {
  const rest = [...scene.hosts.map((one) => one.id), 'router', 'console'].filter((id) => id !== host.id);
  return cutBothWays(
    scene,
    rest.map((id) => [host.id, id] as const),
  );
}
/** What a person asks for: of whichever node answers; the answer is not waited for. */
function ask(scene: Scene, method: string, params: unknown): Undo {
  const up = scene.hosts.filter((one) => one.up && one.agent !== null);
  if (up.length === 0) return nothing;
  const host = scene.world.random.pick(up);
  scene.console
    .request(host.id, `engine.${method}`, params, { timeoutMs: 5_000 })
    .catch((error: unknown) => scene.world.note(`console: ${method}: ${(error as Error).message}`));
  return nothing;
}
/** Waits for the moment, then strikes within it. */
export function when(scene: Scene, moment: () => boolean, strike: () => Undo | null, withinMs = 60): Undo {
  const { queue, random } = scene.world;
  let undo: Undo | null = null;
  let over = false;
  const look = (): void => {
    if (over) return;
    if (!moment()) {
      queue.after(3, null, look);
      return;
    }
    queue.after(random.between(0, withinMs), null, () => {
      if (!over) undo = strike();
    });
  };
  look();
  return () => {
    over = true;
    undo?.();
  };
}
const requester: Requester = { by: 'admin', reason: null, requestId: null, admin: true };
export function start(scene: Scene, request: OperationRequest): Undo {
  const asked: StartOperation = { request, requester, planHash: null, idempotencyKey: null };
  return ask(scene, 'operation.start', asked);
}

export function configure(scene: Scene, patch: Partial<ClusterConfig>): Undo {
  return ask(scene, 'config.put', { patch, requester });
}

export function lasting(atLeastMs: number, undo: () => void): Undo {
  return Object.assign(() => undo(), { atLeastMs });
}

export function hasData({ data }: Host): boolean {
  return data.present && !data.away;
}
/** Where one stands already there is no other. */
const taken = new WeakSet<Scene>();
export function staged(scene: Scene, atLeastMs: number, undo: () => void): Undo {
  taken.add(scene);
  return lasting(atLeastMs, () => {
    taken.delete(scene);
    undo();
  });
}
/** Every member follows and counts, and nothing is under way: a stage for what comes now. */
export function calm(scene: Scene): boolean {
  const record = scene.record();
  return (
    !taken.has(scene) &&
    record !== null &&
    record.operation === null &&
    record.promotable === 'voters' &&
    primaryOf(scene).engine.serving &&
    (record.mode === 'asynchronous' || record.voterSet.members.length === scene.members.length - 1) &&
    scene.members.every(
      (one) => one.up && hasData(one) && one.agent?.process.running === true && one.engine.life?.running === true,
    ) &&
    // A copy that somebody promoted by hand is no copy any more, also when it starts as a standby again before it is copied anew; nor is an old primary
    // before it has followed the new one; and after a reset by hand what was acknowledged may be on the primary alone.
    scene.members.every(
      ({ id, engine }) =>
        !engine.damagedByHand &&
        engine.timeline === primaryOf(scene).engine.timeline &&
        (id === record.primary || engine.role === 'standby'),
    )
  );
}

/** Moved away or removed under the running server, or found gone when it starts again; what the node itself keeps is elsewhere. */
export function loseData(scene: Scene, host: Host | null): Undo | null {
  if (host === null || scene.members.length < 2 || !host.data.present) return null;
  if (scene.world.random.chance(0.6)) {
    host.world.note(`${host.id}: its data directory is gone`);
    host.data.away = true;
    return nothing;
  }
  host.crash();
  host.data.renew();
  return () => host.restart();
}
