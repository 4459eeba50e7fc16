/**
 * Under which epoch this standby last copied the primary's failover slots; it outlives the agent. By it a copy without a slot on the primary is told
 * apart: under the same epoch the primary dropped the slot, under a newer one the change of primary left it behind. Invariant: it is on disk before
 * PostgreSQL's copying is switched on. A file that can't be read is taken for the older case, which keeps the copy.
 */
import { join } from 'node:path';
import type { Epoch } from '../kernel/ids';
import { replaceFile, type SmallFiles } from '../kernel/small-files';

const formatVersion = 1;

export class CopiedUnder {
  readonly #file: string;
  #epoch: Epoch | null = null;

  constructor(
    nodeDirectory: string,
    private readonly files: SmallFiles,
  ) {
    this.#file = join(nodeDirectory, 'slot-copies.json');
  }

  read(): Epoch {
    this.#epoch ??= epochOf(this.files.readText(this.#file));
    return this.#epoch;
  }

  write(epoch: Epoch): void {
    if (this.read() === epoch) return;
    replaceFile(this.files, this.#file, `${JSON.stringify({ version: formatVersion, epoch })}\n`);
    this.#epoch = epoch;
  }
}

function epochOf(text: string | null): Epoch {
  try {
    const found = JSON.parse(text ?? '{}') as { version?: unknown; epoch?: unknown };
    return found.version === formatVersion && Number.isSafeInteger(found.epoch) ? (found.epoch as Epoch) : 0;
  } catch {
    return 0;
  }
}
