/** Which engine requests may be sent twice: reads. Total by type, so that a new method must say what it is. */
import { areaMethods } from '../runtime/core/area-methods';
import type { CoreRequests, EngineMethod } from '../runtime/engine-api';

const effects: Record<keyof CoreRequests, 'read' | 'write'> = {
  'view.get': 'read',
  'operation.plan': 'read',
  'operation.start': 'write',
  'operation.cancel': 'write',
  'operation.get': 'read',
  'operation.list': 'read',
  'config.put': 'write',
  'group.put': 'write',
  'node.put': 'write',
  'raft.transfer': 'write',
  'health.history': 'read',
  'audit.tell': 'write',
  'store.get': 'read',
  'store.list': 'read',
  'store.txn': 'write',
  'operation.archived': 'read',
  'health.kept': 'read',
  'store.localList': 'read',
  'view.local': 'read',
  'raft.status': 'read',
  'raft.log': 'read',
  'node.sessions': 'read',
  'node.session.end': 'write',
  'node.logs': 'read',
  'node.settings': 'read',
  'node.resources': 'read',
  'node.wal': 'read',
  'node.settings.check': 'read',
  'node.slots': 'read',
  'node.unlogged': 'read',
  'node.wal.switch': 'write',
  'node.replay': 'write',
  'node.links': 'read',
  'node.faults': 'read',
  'node.faults.set': 'write',
  'node.route': 'read',
  'runtime.put': 'write',
  'runtime.get': 'read',
  'router.status': 'write',
  'router.get': 'read',
};

export function isRead(method: EngineMethod): boolean {
  const effect =
    method in areaMethods
      ? areaMethods[method as keyof typeof areaMethods].effect
      : effects[method as keyof CoreRequests];
  return effect === 'read';
}
