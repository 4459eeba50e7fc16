/**
 * Faults that strike at a moment of the protocol, and several at once where one alone shows nothing: between a promise and its grant, while a write to
 * the store is on its way, right after a promotion, in a planned stop. Chance decides when they begin and how long they last.
 */
import type { GroupRecord } from '../../cluster/model';
import {
  agentDeath,
  calm,
  crash,
  cutBothWays,
  type Fault,
  isolate,
  lasting,
  primaryOf,
  someMember,
  someStandby,
  staged,
  start,
  when,
} from './fault-tools';
import type { Host } from './host';
import type { Scene } from './scene';
import type { Hold } from './world';

/** Long enough for an automatic failover to begin and end. */
const untilFailoverMs = 5_000;

const leaderOf = (scene: Scene): Host | null => scene.hosts.find((one) => one.agent?.store.isLeader()) ?? null;
const standbysOf = (scene: Scene): Host[] => scene.members.filter((one) => one !== primaryOf(scene));

function hold(scene: Scene, one: Hold): () => void {
  scene.world.network.holds.add(one);
  return () => scene.world.network.holds.delete(one);
}
/** Kills the agent; a new one starts at once. */
function restartAgent(scene: Scene, host: Host | undefined): void {
  const up = host === undefined ? null : agentDeath(host);
  if (up !== null) scene.world.queue.after(scene.world.random.between(5, 60), null, up);
}
function undoAll(all: readonly ((() => void) | null)[]): () => void {
  return () => {
    for (const undo of all) undo?.();
  };
}
/** Neither agent nor guardian of the primary does anything, PostgreSQL goes on. */
function numbPrimary(scene: Scene): (() => void) | null {
  const host = primaryOf(scene);
  if (!calm(scene) || !host.engine.commitsWait || scene.record()?.mode === 'asynchronous') return null;
  return undoAll([host.freeze('agent'), host.freeze('guardian')]);
}
/** What a request would leave in the group's record. */
function recordIn(method: string, payload: unknown): GroupRecord | null {
  if (method !== 'store.txn') return null;
  const { txn } = payload as { txn: { mutations: readonly { value?: unknown }[] } };
  const [value] = txn.mutations.map((one) => one.value as GroupRecord | undefined);
  return value?.voterSet === undefined ? null : value;
}

export const stagedFaults = {
  'primary and one standby crash': (scene) => {
    const both = [crash(primaryOf(scene)), crash(someStandby(scene))].filter((one) => one !== null);
    return both.length === 0 ? null : undoAll(both);
  },
  'new primary crashes': (scene) => {
    const { promotions } = scene.world.counters;
    const undo = when(
      scene,
      () => scene.world.counters.promotions > promotions,
      () => crash(primaryOf(scene)),
    );
    return lasting(scene.world.random.between(0, 2 * untilFailoverMs), undo);
  },
  'primary crashes, and so does the new one': (scene) => {
    if (!calm(scene)) return null;
    const { promotions } = scene.world.counters;
    const first = crash(primaryOf(scene));
    if (first === null) return null;
    const second = when(
      scene,
      () => scene.world.counters.promotions > promotions,
      () => crash(primaryOf(scene)),
    );
    return staged(scene, 2 * untilFailoverMs, undoAll([first, second]));
  },
  /** Every standby has all of the old timeline; the new one has begun on one disk only, and its number is taken. */
  'the new primary of a switchover crashes at once': (scene) => {
    const { promotions } = scene.world.counters;
    if (!calm(scene)) return null;
    start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover' });
    const undo = when(
      scene,
      () => scene.world.counters.promotions > promotions,
      () => crash(scene.members.find((one) => one.engine.serving) ?? null),
      4,
    );
    return staged(scene, 1.5 * untilFailoverMs, undo);
  },
  'controller lost in an operation': (scene) =>
    when(
      scene,
      () => scene.record()?.operation != null,
      () => {
        const leader = leaderOf(scene);
        return leader ? agentDeath(leader) : null;
      },
    ),
  'late one way': (scene) => {
    const leader = leaderOf(scene)?.id ?? 'n1';
    const member = someMember(scene).id;
    const key = scene.world.random.chance(0.5) ? `${leader}>${member}` : `${member}>${leader}`;
    scene.world.network.late.set(key, scene.world.random.between(300, 1400));
    return () => scene.world.network.late.delete(key);
  },
  /** The holder counts from when it asked, however late the answer comes. */
  'answers late, then the holder alone': (scene) => {
    const [leader, host] = [leaderOf(scene), primaryOf(scene)];
    if (leader === null || leader === host || !calm(scene)) return null;
    const { queue, random } = scene.world;
    const inTime = hold(scene, {
      matches: (method, _, __, to) => method === 'answer to store.renew' && to === host.id,
      ms: random.between(700, 970),
      once: false,
    });
    // Nor is it told by its voters that it may go on.
    const unasked = hold(scene, {
      matches: (method, _, from) => method === 'agent.confirmEpoch' && from === host.id,
      ms: untilFailoverMs,
      once: false,
    });
    let alone: (() => void) | null = null;
    let over = false;
    queue.after(random.between(1500, 4000), null, () => {
      inTime();
      if (!over) alone = isolate(scene, host);
    });
    return staged(scene, untilFailoverMs, () => {
      over = true;
      inTime();
      unasked();
      alone?.();
    });
  },
  /** What was promised before the restart still binds, while the epoch is not granted yet and the old primary is there again. */
  'a member restarts between promise and grant': (scene) => {
    const numb = numbPrimary(scene);
    if (numb === null) return null;
    let numbed = true;
    const thaw = (): void => {
      if (numbed) numb();
      numbed = false;
    };
    const others = standbysOf(scene);
    const held = hold(scene, {
      matches: (method) => method === 'agent.grant',
      ms: scene.world.random.between(700, 1800),
      once: true,
      struck: (to) => {
        thaw();
        restartAgent(
          scene,
          others.find((one) => one.id !== to),
        );
      },
    });
    return staged(scene, untilFailoverMs, undoAll([thaw, held]));
  },
  /** A new controller speaks while a command of the one before is under way. */
  'controller lost while a grant reads the store': (scene) => {
    const numb = numbPrimary(scene);
    if (numb === null) return null;
    const { queue, random } = scene.world;
    const undo = [numb];
    undo.push(
      hold(scene, {
        matches: (method) => method === 'agent.grant',
        ms: 0,
        once: true,
        struck: (to) => {
          const slow = hold(scene, {
            matches: (method, _, from) => method === 'store.get' && from === to,
            ms: random.between(800, 2500),
            once: false,
          });
          queue.after(random.between(400, 1500), null, slow);
          undo.push(slow);
          const leader = leaderOf(scene);
          queue.after(random.between(1, 20), null, () => {
            if (leader !== null && leader.id !== to) restartAgent(scene, leader);
          });
        },
      }),
    );
    return staged(scene, untilFailoverMs, () => undoAll(undo)());
  },
  /** The primary leaves a smaller voter set on its way to the store, and begins anew where the standby is back. */
  'agent restarts with a voter set on its way': (scene) => {
    const [host, standby] = [primaryOf(scene), someStandby(scene)];
    const before = scene.record();
    if (standby === null || before === null || !calm(scene) || before.mode === 'asynchronous') return null;
    if (leaderOf(scene) === host) return null;
    const gone = cutBothWays(scene, [[host.id, standby.id]]);
    const held = hold(scene, {
      matches: (method, payload, from) => {
        const written = from === host.id ? recordIn(method, payload) : null;
        return written !== null && !written.voterSet.members.includes(standby.id);
      },
      ms: scene.world.random.between(1500, 4500),
      once: true,
      struck: () =>
        scene.world.queue.after(0.5, null, () => {
          gone();
          restartAgent(scene, host);
        }),
    });
    return staged(scene, untilFailoverMs, undoAll([held, gone]));
  },
  /**
   * Only while it is a voter. Where another fault ended the primary first and this one was granted the next epoch, its disk is the primary's: the other
   * voter lacks the start of that epoch, the old primary is no voter, and the refusal until an admin gives `allow_data_loss` is the protocol's.
   */
  'the voter that is ahead loses its disk, and the primary crashes': (scene) => {
    const [ahead, behind] = standbysOf(scene);
    const host = primaryOf(scene);
    if (ahead === undefined || behind === undefined || scene.fewVoters || !calm(scene)) return null;
    const { network, queue, random } = scene.world;
    const key = `${host.id}>${behind.id}`;
    network.late.set(key, random.between(300, 900));
    let crashed: (() => void) | null = null;
    let over = false;
    queue.after(random.between(200, 600), null, () => {
      network.late.delete(key);
      if (over || !ahead.up || !host.up || scene.record()?.primary !== host.id) return;
      crashed = crash(host);
      ahead.loseDisk();
      queue.after(random.between(50, 400), null, () => ahead.restart());
    });
    return staged(scene, untilFailoverMs, () => {
      over = true;
      network.late.delete(key);
      crashed?.();
      ahead.restart();
    });
  },
  /** Its timeline is the highest of all, and nobody granted it. */
  'a voter is promoted by hand, and the primary crashes': (scene) => {
    const standby = someStandby(scene);
    if (standby === null || !calm(scene)) return null;
    standby.engine.promote(true);
    const { queue, random } = scene.world;
    let crashed: (() => void) | null = null;
    let over = false;
    queue.after(random.between(120, 500), null, () => {
      if (!over) crashed = crash(primaryOf(scene));
    });
    return staged(scene, untilFailoverMs, () => {
      over = true;
      crashed?.();
    });
  },
  /** What the planned stop left proves nothing: the one that has all is gone, the other is behind. */
  'stop dies, and the voter that is ahead is gone': (scene) => {
    const [ahead, behind] = standbysOf(scene);
    const host = primaryOf(scene);
    if (ahead === undefined || behind === undefined || !calm(scene)) return null;
    const { network, random } = scene.world;
    const key = `${host.id}>${behind.id}`;
    network.late.set(key, random.between(200, 600));
    host.engine.diesInStop = true;
    start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover', target: behind.id });
    const gone = when(
      scene,
      () => host.engine.stopping,
      () => crash(ahead),
    );
    return staged(scene, untilFailoverMs, () => {
      host.engine.diesInStop = false;
      network.late.delete(key);
      gone();
    });
  },
  /** The list is empty by then; a new one counts only once the checkpointer took it. */
  'standbys back while the checkpoint stalls': (scene) => {
    const host = primaryOf(scene);
    if (!calm(scene) || scene.record()?.mode !== 'semi_synchronous') return null;
    const gone = cutBothWays(
      scene,
      standbysOf(scene).map((one) => [host.id, one.id] as const),
    );
    let over = false;
    const back = when(
      scene,
      () => !host.engine.commitsWait,
      () => {
        if (over) return null;
        over = true;
        host.engine.checkpointerBusyUntil = scene.world.now + scene.world.random.between(1000, 4000);
        gone();
        return null;
      },
    );
    return staged(scene, 2 * untilFailoverMs, () => {
      back();
      if (!over) gone();
      over = true;
      host.engine.checkpointerBusyUntil = Math.min(host.engine.checkpointerBusyUntil, scene.world.now);
    });
  },
} as const satisfies Record<string, Fault>;
