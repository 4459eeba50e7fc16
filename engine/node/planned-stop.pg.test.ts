import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PromiseReport } from '../cluster/commands';
import { pollUntil } from '../kernel/async';
import { choose } from '../operations/core/candidates';
import { readControlFile } from '../postgres/control-data';
import { killQuietly, processesIn } from '../postgres/processes';
import { cluster } from '../testing/cluster-fixture';
import { CommandRig, fenceOf } from '../testing/command-rig';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

const record = cluster().groups.get('alpha')!.record;

function rigOf(primary: TestNode): CommandRig {
  return new CommandRig({ nodeId: 'node-1', record, postgres: primary.server, lease: { epoch: record.epoch } });
}

function demote(rig: CommandRig) {
  const params = {
    fence: fenceOf(1, record.epoch),
    group: 'alpha',
    epoch: record.epoch,
    drainMs: 0,
    timeoutMs: 20_000,
  };
  return rig.commands.handlers['agent.demote'](params);
}

function promiseAt(lsn: string): PromiseReport {
  return {
    node: 'node-2',
    epoch: record.epoch + 1,
    timeline: 2,
    lsn,
    receiveLsn: lsn,
    replayLsn: lsn,
    inRecovery: true,
  };
}

function processCalled(directory: string, name: string): number {
  const found = processesIn(directory).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(name));
  if (found === undefined) throw new Error(`no ${name} runs`);
  return found;
}

describe('a primary that dies inside its planned stop', () => {
  it('says that nothing is known about what it shipped, and one promise of two voters is not enough', async () => {
    const primary = await fixture.primary('node-1');
    const rig = rigOf(primary);
    try {
      await primary.server.checkpoint();
      const app = await fixture.client(primary);
      await app.query('CREATE TABLE acknowledged AS SELECT generate_series(1, 1000) AS n');
      await app.end();
      const { dataDirectory } = primary.configuration.paths;
      // The shutdown checkpoint never comes: its process stands still, then everything dies as under a full disk or the OOM killer.
      killQuietly(processCalled(dataDirectory, 'checkpointer'), 'SIGSTOP');
      const stopped = demote(rig);
      await pollUntil(() => primary.server.report().then((report) => report.state === 'stopping' || undefined), {
        timeoutMs: 10_000,
        intervalMs: 10,
        what: 'the stop has begun',
      });
      for (const pid of processesIn(dataDirectory)) killQuietly(pid, 'SIGKILL');
      expect((await stopped).shutdownLsn).toBeNull();
      expect(rig.record('alpha').leaseReleased).toBe(true);

      const control = await readControlFile(dataDirectory);
      const snapshot = cluster({ leaseRemainingMs: 0 });
      const group = snapshot.groups.get('alpha')!;
      const question = {
        mode: 'failover' as const,
        automatic: false,
        allowDataLoss: false,
        record,
        promises: [promiseAt(control.checkpointLsn)],
        target: 'node-2',
        excluded: [],
        shutdownLsn: (await demote(rig)).shutdownLsn,
      };
      expect(choose(snapshot, group, question)).toMatchObject({ kind: 'none' });
    } finally {
      rig.remove();
    }
  });

  it('a clean stop names the position that proves everything', async () => {
    const primary = await fixture.primary('node-1');
    const rig = rigOf(primary);
    try {
      const { shutdownLsn } = await demote(rig);
      const control = await readControlFile(join(primary.configuration.paths.dataDirectory));
      expect(control.state).toBe('shut down');
      expect(shutdownLsn).not.toBeNull();
      expect(shutdownLsn! > control.checkpointLsn).toBe(true);
    } finally {
      rig.remove();
    }
  });
});
