/** Faults of one kind of durable file: who writes it, and what makes them write it now where that is rare. */
import { hasData, lasting, nothing, primaryOf, someMember, someStandby, start, type Undo } from './fault-tools';
import type { FileKind } from './file-kinds';
import type { Host } from './host';
import type { Scene } from './scene';

/** Long enough for what was set off to come to its write. */
const untilWrittenMs = 4_000;

type Provocation = (scene: Scene) => { readonly host: Host; readonly undo: Undo } | null;

/** Its launcher and its agent begin the node's directory anew. */
const newDisk: Provocation = (scene) => {
  const host = someStandby(scene);
  if (!host?.up || scene.fewVoters || !hasData(host) || !hasData(primaryOf(scene))) return null;
  if (!primaryOf(scene).engine.serving || scene.record()?.operation) return null;
  host.loseDisk();
  scene.world.queue.after(scene.world.random.between(50, 400), null, () => host.restart());
  return { host, undo: () => host.restart() };
};
const postgresDies: Provocation = (scene) => {
  const host = someMember(scene);
  if (host.engine.dead) return null;
  scene.world.queue.after(1, null, () => host.engine.killPostmaster());
  return { host, undo: nothing };
};
const anotherPrimary: Provocation = (scene) => {
  const host = someStandby(scene);
  if (host === null) return null;
  return { host, undo: start(scene, { kind: 'failover', group: 'alpha', mode: 'switchover' }) };
};
const otherSettings: Provocation = (scene) => {
  const { random } = scene.world;
  const names = ['work_mem', 'maintenance_work_mem', 'temp_buffers'];
  const settings = { [random.pick(names)]: random.chance(0.3) ? null : '8MB' };
  return { host: someMember(scene), undo: start(scene, { kind: 'change-settings', group: 'alpha', settings }) };
};
const leads: Provocation = (scene) => {
  const host = scene.hosts.find((one) => one.agent?.store.isLeader());
  return host ? { host, undo: nothing } : null;
};
const anyHost: Provocation = (scene) => ({ host: scene.world.random.pick(scene.hosts), undo: nothing });

const provocations: Record<FileKind, Provocation> = {
  'store log': anyHost,
  'store snapshot': anyHost,
  promise: (scene) => anotherPrimary(scene),
  identity: newDisk,
  'store begun': newDisk,
  'group settings': otherSettings,
  'slot copies': anotherPrimary,
  health: leads,
  'postgresql.auto.conf': postgresDies,
  'standby.signal': postgresDies,
  'guardian’s word': postgresDies,
};

/** `set` arms the disk of whoever writes such a file next. */
export function beforeWrite(scene: Scene, kind: FileKind, set: (host: Host) => () => void): Undo | null {
  const found = provocations[kind](scene);
  if (found === null) return null;
  const disarm = set(found.host);
  return lasting(kind === 'store log' ? 0 : untilWrittenMs, () => {
    disarm();
    found.undo();
  });
}
