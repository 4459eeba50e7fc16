/**
 * What an agent wrote right before it died may still be on its way into the control store: a release of the lease, a change of the voter set. This
 * life acts on the record only after a write of its own has raised the record's revision, so that whatever is left behind can only fail.
 */
import type { GroupRecord } from '../cluster/model';
import type { Epoch } from '../kernel/ids';
import { changeOwnGroup } from './group-transaction';
import type { NodeContext } from './node-context';

export class EarlierLife {
  #over = false;

  constructor(private readonly context: NodeContext) {}

  /** Needed before PostgreSQL is started, promoted, or told to wait for another set. */
  get mayStillWrite(): boolean {
    return !this.#over;
  }

  /** A compare-and-swap of this life went through on the own group's record. */
  ended(): void {
    this.#over = true;
  }

  /** The record as it stands now. @throws ClusterError PRECONDITION_FAILED when this node no longer holds `epoch`. */
  async shutOut(epoch: Epoch): Promise<GroupRecord> {
    const record = await changeOwnGroup(this.context, epoch, (found) => (this.#over ? null : { ...found }));
    this.#over = true;
    return record;
  }
}
