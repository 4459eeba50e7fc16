/** Which faults a run injects, how long each lasts, and that every one is undone by the time of healing. */
import {
  agentDeath,
  calm,
  configure,
  crash,
  cutBothWays,
  type Fault,
  hasData,
  isolate,
  lasting,
  loseData,
  nothing,
  primaryOf,
  someMember,
  someStandby,
  start,
  type Undo,
} from './fault-tools';
import { beforeWrite } from './file-faults';
import { callsOf, fileKinds } from './file-kinds';
import type { Scene } from './scene';
import { stagedFaults } from './staged-faults';

/** The shortest that is allowed, the default, and longer ones that a run still sees the end of. */
const leaseLengths = [1000, 1500, 2000, 3000, 5000, 8000] as const;

export type Suite = 'lease' | 'promise' | 'voter-set' | 'all';

export const faults = {
  ...stagedFaults,
  'primary crash': (scene) => crash(primaryOf(scene)),
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
    if (!host?.up || scene.fewVoters || !hasData(host) || !hasData(primaryOf(scene))) return null;
    if (!primaryOf(scene).engine.serving || scene.record()?.operation) return null;
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
    const kind = scene.world.random.pick(fileKinds);
    return beforeWrite(scene, kind, ({ disk }) => {
      disk.fullAt = kind;
      return () => {
        disk.fullAt = null;
        disk.full = false;
      };
    });
  },
  'power cut in a write': (scene) => {
    const kind = scene.world.random.pick(fileKinds);
    return beforeWrite(scene, kind, ({ disk }) => {
      disk.cutAt = { call: scene.world.random.pick(callsOf(kind)), kind };
      return () => {
        disk.cutAt = null;
      };
    });
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
    if (!engine.serving || scene.members.length < 2 || scene.record()?.mode === 'asynchronous') return null;
    engine.resetAll();
    return nothing;
  },
  'standby promoted by hand': (scene) => {
    const host = someStandby(scene);
    if (host === null || host.engine.role !== 'standby' || !hasData(primaryOf(scene))) return null;
    host.engine.promote(true);
    return nothing;
  },
  'consumer named like a member': (scene) => {
    const standby = someStandby(scene);
    const { engine } = primaryOf(scene);
    if (standby === null || !engine.serving) return null;
    return engine.impostor(standby.id);
  },
  'lease length': (scene) => configure(scene, { leaseMs: scene.world.random.pick(leaseLengths) }),
  'lease length back and forth': (scene) => {
    const { queue, random } = scene.world;
    let over = false;
    const change = (): void => {
      if (over) return;
      configure(scene, { leaseMs: random.pick(leaseLengths) });
      queue.after(random.between(100, 2500), null, change);
    };
    change();
    return lasting(random.between(1000, 6000), () => {
      over = true;
    });
  },
  'data directory of the primary lost': (scene) => (calm(scene) ? loseData(scene, primaryOf(scene)) : null),
  'data directory of a standby lost': (scene) => (calm(scene) ? loseData(scene, someStandby(scene)) : null),
  switchover: (scene) => start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover' }),
  'mode change': (scene) => {
    const mode = scene.world.random.pick([
      'synchronous',
      'semi_synchronous',
      'semi_synchronous',
      'asynchronous',
    ] as const);
    const record = scene.record();
    if (record === null || mode === record.mode) return null;
    const standbys =
      mode === 'asynchronous' ? [] : scene.members.map(({ id }) => id).filter((id) => id !== record.primary);
    const allowDataLoss = mode === 'asynchronous';
    return start(scene, {
      kind: 'configure-replication',
      group: 'alpha',
      mode,
      standbys,
      allowDataLoss,
      settings: {},
    });
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
    'lease length',
    'lease length',
    'lease length back and forth',
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
    'lease length back and forth',
    'data directory of the primary lost',
    'data directory of the primary lost',
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
    'lease length',
    'data directory of the primary lost',
    'data directory of a standby lost',
    'data directory of a standby lost',
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
        const lastsMs = world.random.between(100, world.random.chance(0.3) ? 5000 : 1500);
        world.queue.after(Math.max(lastsMs, undo.atLeastMs ?? 0), null, () => {
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
      host.disk.fullAt = null;
      host.disk.cutAt = null;
      host.restart();
      host.startAgent();
    }
  });
}
