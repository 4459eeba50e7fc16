/** What replication says of itself is what was measured, and it speaks of all groups unless one is named. */
import { expect, it } from 'vitest';
import type { GroupView, NodeView } from '@/engine/cluster/model';
import type { ClusterError } from '@/engine/kernel/errors';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import type { ProcedureContext } from '../context';
import { presentLag, presentReplicationHealth, presentReplicationStatus } from './present';
import { askForReplicationConfig, configureRequest } from './present-config';

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

it('carries all groups, with the worst of them in front, and one where one is named', () => {
  const current = () => new RecordedEngine().current();
  const lag = presentLag(current(), undefined);
  expect(lag.groups.map((one) => [one.group, one.replicas.length])).toEqual([
    ['alpha', 2],
    ['beta', 1],
  ]);
  expect(lag.max_lag_ms).toBe(Math.max(...lag.groups.map((one) => one.max_lag_ms)));
  expect(presentLag(current(), 'beta').groups.map((one) => one.group)).toEqual(['beta']);
  const engine = new RecordedEngine();
  engine.change((view) => ({
    groups: view.groups.map((group) => (group.record.name === 'beta' ? { ...group, writable: false } : group)),
  }));
  const health = presentReplicationHealth(engine.current(), undefined);
  expect(health.groups.map((one) => [one.group, one.healthy])).toEqual([
    ['alpha', true],
    ['beta', false],
  ]);
  expect([health.healthy, health.links.length]).toEqual([false, 3]);
});

it('has the configuration of every group whose primary answers, and names the others', async () => {
  const engine = new RecordedEngine();
  const context = { engine } as unknown as ProcedureContext;
  const whole = await askForReplicationConfig(context, undefined);
  expect(whole).toMatchObject({ archive_mode: false, archive_command: null });
  expect(whole).toMatchObject({ group: 'alpha', groups: [{ group: 'alpha' }, { group: 'beta' }], missing_groups: [] });
  engine.silentServers = ['node-4'];
  expect(await askForReplicationConfig(context, undefined)).toMatchObject({
    groups: [{ group: 'alpha' }],
    missing_groups: ['beta'],
  });
  await expect(askForReplicationConfig(context, 'beta')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

it('says of a standby that it does not exist only when it does not', () => {
  const { view } = new RecordedEngine().current();
  const codeOf = (standby: string) => {
    try {
      configureRequest(view, { mode: 'sync', group: 'alpha', standby_nodes: [standby] });
      return null;
    } catch (error) {
      return (error as ClusterError).details.clusterCode;
    }
  };
  expect(codeOf('node-2:5502')).toBeNull();
  expect(codeOf('node-1')).toBe('CLU_STANDBY_NOT_READY');
  expect(codeOf('node-5')).toBe('CLU_STANDBY_NOT_READY');
  expect(codeOf('node-9')).toBe('CLU_NODE_NOT_FOUND');
});
