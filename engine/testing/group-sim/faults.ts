/** Which faults a run injects, how long each lasts, and that every one is undone by the time of healing. */
import type { CommitMode } from '../../cluster/model';
import type { ControllerModel } from './controller-model';
import type { SimNode } from './node';
import type { StoreModel } from './store-model';
import type { World } from './world';

export type Suite = 'lease' | 'promise' | 'voter-set' | 'all';

type Undo = () => void;
type Fault = (scene: Scene) => Undo | null;

export type Scene = {
  readonly world: World;
  readonly nodes: readonly SimNode[];
  readonly members: readonly SimNode[];
  readonly store: StoreModel;
  readonly controller: ControllerModel;
};

const primaryOf = (scene: Scene): SimNode => scene.members.find((node) => node.id === scene.store.record.primary)!;
const someMember = (scene: Scene): SimNode =>
  scene.world.random.chance(0.5) ? primaryOf(scene) : scene.world.random.pick(scene.members);
const someStandby = (scene: Scene): SimNode =>
  scene.world.random.pick(scene.members.filter((node) => node !== primaryOf(scene)));

function crash(node: SimNode): Undo | null {
  if (!node.up) return null;
  node.crash();
  return () => node.restart();
}
function agentDeath(node: SimNode): Undo | null {
  if (!node.up || node.agent === null) return null;
  node.killAgent();
  return () => {
    if (node.up && node.agent === null) node.startAgent();
  };
}
function cutBothWays(scene: Scene, pairs: readonly (readonly [string, string])[]): Undo {
  const { network } = scene.world;
  for (const [from, to] of pairs) {
    network.cut(from, to);
    network.cut(to, from);
  }
  return () => {
    for (const [from, to] of pairs) {
      network.heal(from, to);
      network.heal(to, from);
    }
  };
}
function isolate(scene: Scene, node: SimNode, also: readonly string[] = []): Undo {
  const rest = [...scene.nodes.map((one) => one.id), ...also].filter((id) => id !== node.id);
  return cutBothWays(
    scene,
    rest.map((id) => [node.id, id] as const),
  );
}

export const faults = {
  'primary crash': (scene) => crash(primaryOf(scene)),
  'standby crash': (scene) => crash(someStandby(scene)),
  'store node crash': (scene) => crash(scene.world.random.pick(scene.nodes.filter((node) => !node.member))),
  'postgres crash': ({ world, ...rest }) => {
    const node = world.random.chance(0.7) ? primaryOf({ world, ...rest }) : world.random.pick(rest.members);
    if (node.postgres.dead) return null;
    node.postgres.killPostmaster();
    return () => undefined;
  },
  'agent crash': (scene) => agentDeath(someMember(scene)),
  'guardian crash': (scene) => {
    const node = someMember(scene);
    if (node.guardian === null || !node.guardian.process.alive || node.agent === null) return null;
    /* With the agent frozen as well nothing is left to stop a server that waits for nobody. */
    if (node.agent.process.frozen && node.postgres.names.members.length === 0) return null;
    node.killGuardian();
    return () => undefined;
  },
  'node frozen': (scene) => someMember(scene).freeze('node'),
  'agent frozen': (scene) => someMember(scene).freeze('agent'),
  'guardian frozen': (scene) => {
    const node = someMember(scene);
    /* With the agent gone as well nothing is left to stop a server; that is two losses, and only the promises help then. */
    if (node.agent === null || node.agent.process.frozen || scene.store.record.mode === 'asynchronous') return null;
    return node.freeze('guardian');
  },
  'agent and guardian frozen': (scene) => {
    const node = primaryOf(scene);
    if (node.postgres.names.members.length === 0 || scene.store.record.mode === 'asynchronous') return null;
    const undo = [node.freeze('agent'), node.freeze('guardian')];
    return () => {
      for (const one of undo) one();
    };
  },
  'slow stop': (scene) => {
    const node = primaryOf(scene);
    node.postgres.stuck = true;
    return () => {
      node.postgres.stuck = false;
    };
  },
  'node isolated': (scene) => isolate(scene, someMember(scene)),
  'node isolated with its router': (scene) => {
    const node = primaryOf(scene);
    return cutBothWays(
      scene,
      scene.nodes
        .filter((one) => one !== node)
        .flatMap((one) => [[node.id, one.id] as const, ['router', one.id] as const]),
    );
  },
  'link cut': (scene) => {
    const [a, b] = [someMember(scene), scene.world.random.pick(scene.nodes)];
    return a === b ? null : cutBothWays(scene, [[a.id, b.id]]);
  },
  'one-way cut': (scene) => {
    const [a, b] = [someMember(scene), scene.world.random.pick(scene.nodes)];
    if (a === b) return null;
    const [from, to] = scene.world.random.chance(0.5) ? [a, b] : [b, a];
    scene.world.network.cut(from.id, to.id);
    return () => scene.world.network.heal(from.id, to.id);
  },
  'store out of reach of all members': (scene) => {
    const outside = scene.nodes.filter((node) => !node.member);
    if (outside.length < 3) return null;
    return cutBothWays(
      scene,
      scene.members.flatMap((node) => outside.map((one) => [node.id, one.id] as const)),
    );
  },
  'primary and one standby cut off': (scene) => {
    const side = [primaryOf(scene).id, someStandby(scene).id];
    const rest = scene.nodes.map((node) => node.id).filter((id) => !side.includes(id));
    return cutBothWays(
      scene,
      side.flatMap((a) => rest.map((b) => [a, b] as const)),
    );
  },
  'control leader lost': ({ store }) => {
    store.changeLeader();
    return () => undefined;
  },
  'messages delayed': ({ world }) => {
    world.network.slowUntil = world.now + 1500;
    return () => undefined;
  },
  'messages duplicated': ({ world }) => {
    world.network.duplicates = 0.3;
    return () => {
      world.network.duplicates = 0;
    };
  },
  'clock drift': (scene) => {
    const node = scene.world.random.pick(scene.nodes);
    node.clock.setRate(scene.world.random.between(0.97, 1.03));
    return () => node.clock.setRate(1);
  },
  'clock jump': (scene) => {
    const node = someMember(scene);
    node.clock.jumpWall(scene.world.random.pick([-5000, -250, 150, 250, 60_000]));
    return () => undefined;
  },
  'standby disk lost': (scene) => {
    const node = someStandby(scene);
    if (scene.store.journal !== null || !node.up || !node.disk.known || !primaryOf(scene).postgres.serving) return null;
    node.loseDisk();
    return () => node.restart();
  },
  switchover: ({ controller }) => {
    controller.switchoverWanted = true;
    return () => undefined;
  },
  'mode change': ({ world, store }) => {
    const mode = world.random.pick<CommitMode>(['synchronous', 'semi_synchronous', 'semi_synchronous', 'asynchronous']);
    if (mode === store.record.mode || store.journal !== null) return null;
    return store.writeAsLeader(store.revision, { ...store.record, mode }) ? () => undefined : null;
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

const suites: Record<Suite, readonly FaultName[]> = {
  lease: [
    'node frozen',
    'node frozen',
    'agent frozen',
    'guardian frozen',
    'agent and guardian frozen',
    'guardian crash',
    'agent crash',
    'slow stop',
    'node isolated',
    'node isolated with its router',
    'one-way cut',
    'link cut',
    'store out of reach of all members',
    'primary and one standby cut off',
    'control leader lost',
    'clock drift',
    'clock jump',
    'primary crash',
    'postgres crash',
    'messages delayed',
  ],
  promise: [
    'agent and guardian frozen',
    'agent and guardian frozen',
    'primary crash',
    'primary crash',
    'postgres crash',
    'standby crash',
    'agent crash',
    'node frozen',
    'agent frozen',
    'node isolated',
    'primary and one standby cut off',
    'link cut',
    'one-way cut',
    'control leader lost',
    'control leader lost',
    'messages delayed',
    'messages duplicated',
    'switchover',
    'switchover',
    'store node crash',
    'standby disk lost',
  ],
  'voter-set': [
    'standby crash',
    'standby crash',
    'link cut',
    'one-way cut',
    'node frozen',
    'mode change',
    'mode change',
    'standby disk lost',
    'primary crash',
    'agent crash',
    'postgres crash',
    'control leader lost',
    'switchover',
    'messages delayed',
    'messages duplicated',
    'node isolated',
  ],
  all: Object.keys(faults) as FaultName[],
};

export function scheduleFaults(scene: Scene, suite: Suite, untilMs: number): void {
  const { world } = scene;
  const open = new Set<Undo>();
  const next = () => {
    world.queue.after(world.random.between(250, 900), null, () => {
      if (world.now >= untilMs) return;
      const name = world.random.pick(suites[suite]);
      const undo = (faults[name] as Fault)(scene);
      if (undo !== null) {
        world.counters.faults++;
        world.fired(name);
        open.add(undo);
        world.queue.after(world.random.between(100, world.random.chance(0.3) ? 5000 : 1500), null, () => {
          if (open.delete(undo)) undo();
        });
      }
      next();
    });
  };
  world.queue.after(1500, null, next);
  world.queue.after(untilMs, null, () => {
    world.healed = true;
    for (const undo of open) undo();
    open.clear();
    world.network.healAll();
    for (const node of scene.nodes) {
      node.clock.setRate(1);
      node.restart();
      if (node.agent === null) node.startAgent();
    }
    if (scene.store.record.mode === 'asynchronous') return;
  });
}
