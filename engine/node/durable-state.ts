/**
 * What a node must still know after a crash: its promise, the highest controller term it obeyed, the last epoch it held. Written to a new
 * file, fsynced, renamed and the directory fsynced before anything that depends on it leaves this process.
 */
import { join } from 'node:path';
import { replaceFile, type SmallFiles } from '../kernel/small-files';
import { type DurableMemberState, initialDurableMemberState, raised } from './core/promise';

export class DurableState {
  readonly #file: string;
  #current: DurableMemberState;

  /** @throws Error with a sentence when the file is damaged: guessing a promise could lose acknowledged writes. */
  constructor(
    nodeDirectory: string,
    private readonly files: SmallFiles,
  ) {
    this.#file = join(nodeDirectory, 'member-state.json');
    this.#current = this.#onDisk();
  }

  #onDisk(): DurableMemberState {
    const text = this.files.readText(this.#file);
    return text === null ? initialDurableMemberState : parse(this.#file, text);
  }

  get current(): DurableMemberState {
    return this.#current;
  }

  /**
   * Returns once at least `decided` is on disk. A decision may be older than what was saved since, by this process or by another that was
   * thought dead, so no number of either falls: not of what is remembered here, not of what the disk holds.
   */
  save(decided: DurableMemberState): void {
    if (covers(this.#current, decided)) return;
    const next = raised(raised(this.#current, this.#onDisk()), decided);
    replaceFile(this.files, this.#file, JSON.stringify(next));
    this.#current = next;
  }
}

function covers(state: DurableMemberState, decided: DurableMemberState): boolean {
  return same(raised(state, decided), state);
}

function parse(file: string, text: string): DurableMemberState {
  try {
    const value = JSON.parse(text) as DurableMemberState;
    for (const field of ['promisedEpoch', 'controllerTerm', 'lastHeldEpoch'] as const) {
      if (!Number.isSafeInteger(value[field]) || value[field] < 0) throw new Error(`${field} is not a whole number`);
    }
    return value;
  } catch (error) {
    throw new Error(
      `The promise file ${file} is damaged (${(error as Error).message}). This node can't know what it promised: move its whole directory away; it then joins again as a new member and clones its data from the primary.`,
    );
  }
}

function same(a: DurableMemberState, b: DurableMemberState): boolean {
  return (
    a.promisedEpoch === b.promisedEpoch && a.controllerTerm === b.controllerTerm && a.lastHeldEpoch === b.lastHeldEpoch
  );
}
