/** Which faults a run injects, how long each lasts, and that every one is undone by the time of healing. */
import type { OperationRequest } from '../../operations/model';
import type { Host } from './host';
import type { Scene } from './scene';

export type Suite = 'lease' | 'promise' | 'voter-set' | 'all';

type Undo = () => void;
type Fault = (scene: Scene) => Undo | null;

const nothing: Undo = () => undefined;
const primaryOf = (scene: Scene): Host =>
  scene.members.find((one) => one.id === scene.record()?.primary) ?? scene.members[0]!;
const someMember = (scene: Scene): Host =>
  scene.world.random.chance(0.5) ? primaryOf(scene) : scene.world.random.pick(scene.members);
const someStandby = (scene: Scene): Host | null => {
  const all = scene.members.filter((one) => one !== primaryOf(scene));
  return all.length === 0 ? null : scene.world.random.pick(all);
};

function crash(host: Host | null): Undo | null {
  if (!host?.up) return null;
  host.crash();
  return () => host.restart();
}
function agentDeath(host: Host): Undo | null {
  if (!host.up || host.agent === null) return null;
  host.killAgent();
  return () => host.startAgent();
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
function isolate(scene: Scene, host: Host): Undo {
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
function when(scene: Scene, moment: () => boolean, strike: () => Undo | null): Undo {
  const { queue, random } = scene.world;
  let undo: Undo | null = null;
  let over = false;
  const look = (): void => {
    if (over) return;
    if (!moment()) {
      queue.after(3, null, look);
      return;
    }
    queue.after(random.between(0, 60), null, () => {
      if (!over) undo = strike();
    });
  };
  look();
  return () => {
    over = true;
    undo?.();
  };
}
const requester = { by: 'admin', role: 'admin', requestId: null } as const;
function start(scene: Scene, request: OperationRequest): Undo {
  return ask(scene, 'operation.start', { request, requester, planHash: null, idempotencyKey: null });
}

export const faults = {
  'primary crash': (scene) => crash(primaryOf(scene)),
  'primary and one standby crash': (scene) => {
    const both = [crash(primaryOf(scene)), crash(someStandby(scene))].filter((one) => one !== null);
    return both.length === 0
      ? null
      : () => {
          for (const undo of both) undo();
        };
  },
  'new primary crashes': (scene) => {
    const { promotions } = scene.world.counters;
    return when(
      scene,
      () => scene.world.counters.promotions > promotions,
      () => crash(primaryOf(scene)),
    );
  },
  'controller lost in an operation': (scene) =>
    when(
      scene,
      () => scene.record()?.operation != null,
      () => {
        const leader = scene.hosts.find((one) => one.agent?.store.isLeader());
        return leader ? agentDeath(leader) : null;
      },
    ),
  'late one way': (scene) => {
    const leader = scene.hosts.find((one) => one.agent?.store.isLeader())?.id ?? 'n1';
    const member = someMember(scene).id;
    const key = scene.world.random.chance(0.5) ? `${leader}>${member}` : `${member}>${leader}`;
    scene.world.network.late.set(key, scene.world.random.between(300, 1400));
    return () => scene.world.network.late.delete(key);
  },
  'standby crash': (scene) => crash(someStandby(scene)),
  'store node crash': (scene) => crash(scene.hosts.find((one) => !one.member && one.up) ?? null),
  'postgres crash': (scene) => {
    const host = scene.world.random.chance(0.7) ? primaryOf(scene) : scene.world.random.pick(scene.members);
    if (host.engine.dead) return null;
    host.engine.killPostmaster();
    return nothing;
  },
  'agent crash': (scene) => agentDeath(someMember(scene)),
  'guardian crash': (scene) => {
    const host = someMember(scene);
    if (!host.guardian?.process.alive || host.agent === null) return null;
    /* With the agent frozen as well nothing is left to stop a server that waits for nobody. */
    if (host.agent.process.frozen && !host.engine.commitsWait) return null;
    host.killGuardian();
    return nothing;
  },
  'node frozen': (scene) => someMember(scene).freeze('node'),
  'agent frozen': (scene) => someMember(scene).freeze('agent'),
  'postgres frozen': (scene) => someMember(scene).freeze('postgres'),
  'machine paused with its clocks': (scene) => someMember(scene).freeze('paused'),
  'machine suspended': (scene) => someMember(scene).freeze('suspended'),
  'guardian frozen': (scene) => {
    const host = someMember(scene);
    /* With the agent gone as well nothing is left to stop a server; that is two losses, and only the promises help then. */
    if (host.agent === null || host.agent.process.frozen || !host.engine.commitsWait) return null;
    return host.freeze('guardian');
  },
  'agent and guardian frozen': (scene) => {
    const host = primaryOf(scene);
    if (!host.engine.commitsWait || scene.record()?.mode === 'asynchronous') return null;
    const undo = [host.freeze('agent'), host.freeze('guardian')];
    return () => {
      for (const one of undo) one();
    };
  },
  'slow stop': (scene) => {
    const { engine } = primaryOf(scene);
    engine.stuck = true;
    return () => {
      engine.stuck = false;
    };
  },
  'node isolated': (scene) => isolate(scene, someMember(scene)),
  'node isolated with its router': (scene) => {
    const host = primaryOf(scene);
    return cutBothWays(
      scene,
      scene.hosts
        .filter((one) => one !== host)
        .flatMap((one) => [[host.id, one.id] as const, ['router', one.id] as const]),
    );
  },
  'link cut': (scene) => {
    const [a, b] = [someMember(scene), scene.world.random.pick(scene.hosts)];
    return a === b ? null : cutBothWays(scene, [[a.id, b.id]]);
  },
  'one-way cut': (scene) => {
    const [a, b] = [someMember(scene), scene.world.random.pick(scene.hosts)];
    if (a === b) return null;
    const [from, to] = scene.world.random.chance(0.5) ? [a, b] : [b, a];
    scene.world.network.cut(from.id, to.id);
    return () => scene.world.network.heal(from.id, to.id);
  },
  'store out of reach of all members': (scene) => {
    const outside = scene.hosts.filter((one) => !one.member);
    if (outside.length < 3) return null;
    return cutBothWays(
      scene,
      scene.members.flatMap((host) => outside.map((one) => [host.id, one.id] as const)),
    );
  },
  'primary and one standby cut off': (scene) => {
    const standby = someStandby(scene);
    if (standby === null) return null;
    const side = [primaryOf(scene).id, standby.id];
    const rest = scene.hosts.map((one) => one.id).filter((id) => !side.includes(id));
    return cutBothWays(
      scene,
      side.flatMap((a) => rest.map((b) => [a, b] as const)),
    );
  },
  'control leader lost': (scene) => {
    const leader = scene.hosts.find((one) => one.agent?.store.isLeader());
    return leader ? agentDeath(leader) : null;
  },
  'messages delayed': ({ world }) => {
    world.network.slowUntil = world.now + 1500;
    return nothing;
  },
  'messages duplicated': ({ world }) => {
    world.network.duplicates = 0.3;
    return () => {
      world.network.duplicates = 0;
    };
  },
  'messages reordered': ({ world }) => {
    world.network.reorder = true;
    return () => {
      world.network.reorder = false;
    };
  },
  'clock drift': (scene) => {
    const host = scene.world.random.pick(scene.hosts);
    host.clock.setRate(scene.world.random.between(0.97, 1.03));
    return () => host.clock.setRate(1);
  },
  'clock jump': (scene) => {
    someMember(scene).clock.jumpWall(scene.world.random.pick([-5000, -250, 150, 250, 60_000]));
    return nothing;
  },
  'standby disk lost': (scene) => {
    const host = someStandby(scene);
    if (!host?.up || !host.data.present || !primaryOf(scene).engine.serving || scene.record()?.operation) return null;
    host.loseDisk();
    return () => host.restart();
  },
  'checkpoint stalls': (scene) => {
    const { engine } = someMember(scene);
    engine.checkpointerBusyUntil = scene.world.now + scene.world.random.between(200, 4000);
    return () => {
      engine.checkpointerBusyUntil = Math.min(engine.checkpointerBusyUntil, scene.world.now);
    };
  },
  'stop dies': (scene) => {
    const { engine } = primaryOf(scene);
    if (engine.dead) return null;
    engine.diesInStop = true;
    start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover' });
    return () => {
      engine.diesInStop = false;
    };
  },
  'process hangs in the kernel': (scene) => {
    const { engine } = someMember(scene);
    if (engine.dead) return null;
    engine.unkillable = true;
    return () => {
      engine.unkillable = false;
    };
  },
  'disk full': (scene) => {
    const host = scene.world.random.pick(scene.hosts);
    host.disk.full = true;
    return () => {
      host.disk.full = false;
    };
  },
  'power cut in a write': (scene) => {
    const host = scene.world.random.pick(scene.hosts);
    if (!host.up) return null;
    host.disk.cutAt = scene.world.random.pick(['write', 'sync', 'rename', 'directory'] as const);
    return () => {
      host.disk.cutAt = null;
    };
  },
  'slow disk': (scene) => {
    const { agent } = scene.world.random.pick(scene.hosts);
    if (agent === null) return null;
    agent.disk.slowMs = 60;
    return () => {
      agent.disk.slowMs = 0;
    };
  },
  'settings reset by hand': (scene) => {
    const { engine } = primaryOf(scene);
    if (!engine.serving || scene.record()?.mode === 'asynchronous') return null;
    engine.resetAll();
    return nothing;
  },
  'standby promoted by hand': (scene) => {
    const host = someStandby(scene);
    if (host === null || host.engine.role !== 'standby') return null;
    host.engine.promote(true);
    return nothing;
  },
  'consumer named like a member': (scene) => {
    const standby = someStandby(scene);
    const { engine } = primaryOf(scene);
    if (standby === null || !engine.serving) return null;
    return engine.impostor(standby.id);
  },
  switchover: (scene) => start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover' }),
  'mode change': (scene) => {
    const mode = scene.world.random.pick([
      'synchronous',
      'semi_synchronous',
      'semi_synchronous',
      'asynchronous',
    ] as const);
    if (mode === scene.record()?.mode) return null;
    return start(scene, { kind: 'configure-replication', group: 'alpha', mode, standbys: null, settings: {} } as never);
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

export const suites: Record<Suite, readonly FaultName[]> = {
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
    'late one way',
    'late one way',
    'machine paused with its clocks',
    'machine suspended',
    'process hangs in the kernel',
    'postgres frozen',
  ],
  promise: [
    'agent and guardian frozen',
    'agent and guardian frozen',
    'primary crash',
    'primary and one standby crash',
    'new primary crashes',
    'controller lost in an operation',
    'controller lost in an operation',
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
    'stop dies',
    'store node crash',
    'standby disk lost',
    'checkpoint stalls',
    'power cut in a write',
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
    'checkpoint stalls',
    'checkpoint stalls',
    'disk full',
    'slow disk',
    'settings reset by hand',
    'consumer named like a member',
  ],
  all: Object.keys(faults) as FaultName[],
};

export function scheduleFaults(scene: Scene, names: readonly FaultName[], fromMs: number, untilMs: number): void {
  const { world } = scene;
  const open = new Set<Undo>();
  const next = (): void =>
    world.queue.after(world.random.between(250, 900), null, () => {
      if (world.now >= untilMs) return;
      const name = world.random.pick(names);
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
  world.queue.after(fromMs, null, next);
  world.queue.after(untilMs, null, () => {
    world.healed = true;
    world.note('HEALED');
    for (const undo of open) undo();
    open.clear();
    world.network.healAll();
    for (const host of scene.hosts) {
      host.clock.setRate(1);
      host.disk.full = false;
      host.disk.cutAt = null;
      host.restart();
      host.startAgent();
    }
  });
}
