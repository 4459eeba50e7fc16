/**
 * This node's side of the cluster's level: it makes its directory refuse older releases when the leader asks for that (`sealing`), refuses peers below
 * the level in force, and ends itself when it is too old for the cluster. Invariant: `sealedLevel` is told only after it is on the disk.
 */
import { inForce } from '../cluster/core/level';
import { keys, type LevelRecord } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import { firstLevel, goingBackTrouble, ownLevel } from '../kernel/release';
import { readIdentity, sealIdentity } from '../runtime/node-identity';
import type { NodeContext } from './node-context';

export class LevelWatch {
  #sealed = firstLevel;
  #stop: (() => void) | null = null;
  #complained = '';

  constructor(
    private readonly context: NodeContext,
    private readonly onFatal: (error: Error) => void,
  ) {}

  get sealedLevel(): number {
    return this.#sealed;
  }

  start(): void {
    const { store, config, files } = this.context;
    try {
      this.#sealed = readIdentity(config.nodeDirectory, files).level;
    } catch (error) {
      // A directory without identity: of a test, or of an agent that no launcher prepared.
      this.context.logger.debug({ error: messageOf(error) }, 'no identity to seal');
    }
    this.#stop = store.watch(keys.level, () => this.#look());
    this.#look();
  }

  stop(): void {
    this.#stop?.();
  }

  #look(): void {
    const { store, interconnect, config, files, logger } = this.context;
    const record = (store.localGet(keys.level)?.value ?? null) as LevelRecord | null;
    const level = inForce(record);
    const trouble = goingBackTrouble('This cluster', { level, release: record?.release ?? '' });
    if (trouble !== null) {
      this.onFatal(new Error(trouble));
      return;
    }
    interconnect.setMinimumLevel?.(level);
    const wanted = Math.max(level, record?.sealing ?? firstLevel);
    if (wanted <= this.#sealed || wanted > ownLevel) return;
    try {
      sealIdentity(config.nodeDirectory, wanted, files);
      this.#sealed = wanted;
      logger.info({ level: wanted }, 'this directory refuses older releases from now on');
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#complained) logger.warn({ error: message }, 'this directory could not be sealed');
      this.#complained = message;
    }
  }

  /** What could not be sealed (a full disk) is tried again. */
  retry(): void {
    if (this.#stop) this.#look();
  }
}
