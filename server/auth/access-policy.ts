/** What the cluster asks of those who use force: how recent a password must be, whether keys must confirm, whether a second admin must agree. */
import { keys } from '@/engine/cluster/model';
import type { EngineClient } from '@/server/engine-client/api';
import type { AccessPolicy, AccessPolicyStore } from './api';
import { ControlRecords } from './control-records';

const id = 'current';

export const defaultAccessPolicy: AccessPolicy = {
  reauthenticateMinutes: 10,
  // Existing clients send `force` and nothing more.
  keysConfirmForce: false,
  forceNeedsApproval: false,
  approvalMinutes: 240,
};

export class StoredAccessPolicy implements AccessPolicyStore {
  readonly #records: ControlRecords<AccessPolicy>;

  constructor(engine: EngineClient) {
    this.#records = new ControlRecords(engine, keys.accessPolicy);
  }

  async get(): Promise<AccessPolicy> {
    return { ...defaultAccessPolicy, ...(await this.#records.get(id)) };
  }

  update(patch: Partial<AccessPolicy>): Promise<AccessPolicy> {
    return this.#records.change(id, (before) => ({ ...defaultAccessPolicy, ...before, ...patch }));
  }
}
