/** What replication says of itself is what was measured, and it speaks of all groups unless one is named. */
import { expect, it } from 'vitest';
import type { GroupView, NodeView } from '@/engine/cluster/model';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import { presentReplicationStatus } from './replication';

function withSettings(group: GroupView, settings: Record<string, string>): GroupView {
  return { ...group, record: { ...group.record, settings } };
}

function withArchiveMode(node: NodeView, archiveMode: string): NodeView {
  return { ...node, report: { ...node.report!, postgres: { ...node.report!.postgres, archiveMode } } };
}

it('says that WAL is archived when the primary does it, not when somebody asked for it', () => {
  const engine = new RecordedEngine();
  const enabled = () => presentReplicationStatus(engine.current(), 'alpha').wal_archiving_enabled;
  engine.change((view) => ({ groups: view.groups.map((group) => withSettings(group, { archive_mode: 'on' })) }));
  expect(enabled()).toBe(false);
  engine.change((view) => ({ nodes: view.nodes.map((node) => withArchiveMode(node, 'off')) }));
  expect(enabled()).toBe(false);
  engine.change((view) => ({
    nodes: view.nodes.map((node) => withArchiveMode(node, 'on')),
    groups: view.groups.map((group) => withSettings(group, {})),
  }));
  expect(enabled()).toBe(true);
});
