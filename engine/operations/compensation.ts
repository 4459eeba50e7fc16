/** How steps are undone. Each is idempotent and true when it changed something back. Steps without a row leave nothing that would harm. */

import { keys } from '../cluster/model';
import type { StepAction } from './core/steps';
import { changeNode } from './node-steps';
import { undrain } from './primary-steps';
import { nodeOf, type StepContext } from './step-context';
import { undoSettings } from './undo-settings';

export const compensations: Readonly<Partial<Record<StepAction, (context: StepContext) => Promise<boolean>>>> = {
  drain: async (context) => {
    await undrain(context);
    return true;
  },
  'write-settings': undoSettings,
  'set-wanted-stopped': async (context) => {
    await changeNode(context, nodeOf(context), (record) => ({ ...record, wanted: 'running' }));
    return true;
  },
  'set-maintenance': async (context) => {
    if (context.operation.request.kind !== 'remove-node') return false;
    await changeNode(context, nodeOf(context), (record) => ({ ...record, maintenance: false }));
    return true;
  },
  'register-node': async (context) => {
    const { store } = context.world;
    const id = nodeOf(context);
    const { voters, learners } = store.status().configuration;
    if ([...voters, ...learners].some((member) => member.id === id)) await store.removeMember(id);
    const entry = await store.get(keys.node(id));
    if (!entry) return true;
    const result = await store.txn({
      compare: [{ key: entry.key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'delete', key: entry.key }],
    });
    return result.succeeded;
  },
};
