/** A thousand nodes in 250 groups: taking in a report and refreshing the picture stay cheap. Limits are wide; the measured values are printed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { Interconnect } from '../interconnect/api';
import { systemLoop } from '../kernel/loop';
import { systemFiles } from '../kernel/small-files';
import { cluster } from '../testing/cluster-fixture';
import { MemoryStore } from '../testing/memory-store';
import { Controller } from './controller';
import { defaultConfig } from './core/default-config';
import type { NodeReport } from './model';

const groups = 250;
const perGroup = 4;
const rounds = 20;

describe('a thousand nodes', () => {
  let controller: Controller | null = null;
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-thousand-'));
  afterEach(async () => {
    await controller?.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  });

  it('costs microseconds per report and milliseconds per view', () => {
    const store = new MemoryStore();
    const template = cluster();
    const record = template.groups.get('alpha')!.record;
    store.put('config', { ...defaultConfig, replicationFactor: perGroup });
    const reports: NodeReport[] = [];
    for (let group = 0; group < groups; group++) {
      const name = `g${group}`;
      const ids = Array.from({ length: perGroup }, (_, index) => `n${group}-${index}`);
      store.put(`groups/${name}`, { ...record, name, primary: ids[0], voterSet: { members: ids.slice(1), k: 1 } });
      store.leases.set(name, { epoch: 4, holder: ids[0]!, untilMs: Number.MAX_SAFE_INTEGER, released: false });
      ids.forEach((id, index) => {
        const node = template.nodes.get(index === 0 ? 'node-1' : 'node-2')!;
        store.put(`nodes/${id}`, { ...node.record, id, group: name });
        reports.push({ ...node.report!, node: id });
      });
    }
    store.configuration = {
      voters: reports.slice(0, 5).map((report) => ({ id: report.node, incarnation: '' })),
      learners: reports.slice(5).map((report) => ({ id: report.node, incarnation: '' })),
    };
    const leading = new Controller({
      loop: systemLoop,
      files: systemFiles,
      self: 'n0-0',
      store: store.as('n0-0'),
      interconnect: {} as Interconnect,
      logger: pino({ level: 'silent' }),
      archiveDirectory: directory,
      command: () => Promise.reject(new Error('no agents here')),
    });
    controller = leading;
    leading.start();
    store.lead('n0-0');

    let ingestMs = 0;
    let viewMs = 0;
    for (let round = 1; round <= rounds; round++) {
      const fresh = reports.map((report) => ({ ...report, sequence: report.sequence + round }));
      const before = performance.now();
      for (const report of fresh) leading.ingest(report);
      const between = performance.now();
      leading.refresh();
      const view = leading.view();
      viewMs += performance.now() - between;
      ingestMs += between - before;
      expect(view.nodes).toHaveLength(groups * perGroup);
      expect(view.nodes.every((node) => node.status === 'healthy')).toBe(true);
    }
    const perReportUs = (1000 * ingestMs) / (rounds * reports.length);
    const perRefreshMs = viewMs / rounds;
    console.info(
      `1,000 nodes: ${perReportUs.toFixed(1)} µs per report, ${perRefreshMs.toFixed(1)} ms per full refresh and view`,
    );
  });
});
