/**
 * What a node must still know after a crash: its promise, the highest controller term it obeyed, the last epoch it held. Written to a new
 * file, fsynced, renamed and the directory fsynced before anything that depends on it leaves this process.
 */

import { join } from 'node:path';
import { newerFormat } from '../kernel/format-version';
import { replaceFile, type SmallFiles } from '../kernel/small-files';
import { type DurableMemberState, initialDurableMemberState, raised } from './core/promise';

const required = ['promisedEpoch', 'controllerTerm', 'lastHeldEpoch'] as const;
/** Absent in files of older releases. */
const optional = ['confirmedHoldMs', 'countedLeaseMs', 'byHandTimeline'] as const;

export class DurableState {
  readonly #file: string;
  #current: DurableMemberState;
  #settled: boolean;

  /** @throws Error with a sentence when the file is damaged: guessing a promise could lose acknowledged writes. */
  constructor(
    nodeDirectory: string,
    private readonly files: SmallFiles,
  ) {
    this.#file = join(nodeDirectory, 'member-state.json');
    this.#current = this.#onDisk();
    const text = files.readText(this.#file);
    this.#settled = text !== null && (JSON.parse(text) as { unsettled?: boolean }).unsettled !== true;
  }

  /**
   * False: this disk is new, and an earlier one of this node may have promised what nobody here remembers. It stays so over restarts until the group
   * record relies on no such promise.
   */
  get settled(): boolean {
    return this.#settled;
  }

  settle(): void {
    this.#settled = true;
    this.#write(raised(this.#current, this.#onDisk()));
  }

  #write(next: DurableMemberState): void {
    replaceFile(this.files, this.#file, JSON.stringify(this.#settled ? next : { ...next, unsettled: true }));
    this.#current = next;
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
    this.#write(next);
  }

  /** How long leases last that this node confirmed or counts: these may fall too, when nothing longer counts any more. */
  saveLengths(lengths: Pick<DurableMemberState, 'confirmedHoldMs' | 'countedLeaseMs'>): void {
    this.#replace(lengths);
  }

  /** 0: its data was copied anew. */
  saveByHand(byHandTimeline: number): void {
    this.#replace({ byHandTimeline });
  }

  #replace(fields: Partial<DurableMemberState>): void {
    const next = { ...raised(this.#current, this.#onDisk()), ...fields };
    if (same(next, this.#current)) return;
    this.#write(next);
  }
}

function covers(state: DurableMemberState, decided: DurableMemberState): boolean {
  return same(raised(state, decided), state);
}

function parse(file: string, text: string): DurableMemberState {
  let newer: string | null = null;
  try {
    const value = JSON.parse(text) as DurableMemberState & { readonly format?: unknown };
    newer = newerFormat(file, 'memberState', value.format);
    if (newer !== null) throw new Error(newer);
    const present = optional.filter((field) => value[field] !== undefined);
    for (const field of [...required, ...present]) {
      const number = value[field];
      if (!Number.isSafeInteger(number) || number! < 0) throw new Error(`${field} is not a whole number`);
    }
    const { promisedEpoch, controllerTerm, lastHeldEpoch } = value;
    const lengths = Object.fromEntries(present.map((field) => [field, value[field]]));
    return { promisedEpoch, controllerTerm, lastHeldEpoch, ...lengths };
  } catch (error) {
    if (newer !== null) throw new Error(newer);
    throw new Error(
      `The promise file ${file} is damaged (${(error as Error).message}). This node can't know what it promised: move its whole directory away; it then joins again as a new member and clones its data from the primary.`,
    );
  }
}

function same(a: DurableMemberState, b: DurableMemberState): boolean {
  return [...required, ...optional].every((field) => a[field] === b[field]);
}
