import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from './process-table';
import { RealCluster } from './real-cluster';

const given = {
  RUSTYDB_ADMIN_PASSWORD: 'first-password-of-admin',
  RUSTYDB_DB_PASSWORD: 'first-password-of-app',
  SOMEBODY_ELSES_TOKEN: 'token-for-something-else',
};
const topology = `cluster_name: environment
groups:
  - name: alpha
    nodes:
      - { id: env-1, region: here }
      - { id: env-2, region: here }
`;

let cluster: RealCluster;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-env-'));
  writeFileSync(join(directory, 'topology.yaml'), topology);
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml'), env: given });
}, 180_000);
afterAll(async () => {
  await cluster.destroy();
  rmSync(directory, { recursive: true, force: true });
}, 120_000);

const environment = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8');

describe('secrets of the first start', () => {
  it('stand in the environment of no process of the installation', () => {
    const processes = cluster.allProcesses();
    const launcher = cluster.launcherPid!;
    expect(processes).toContain(launcher);
    const kinds = ['launcher.mjs', 'agent.mjs', 'guardian.mjs', 'router.mjs', 'server.mjs', 'postgres'];
    const lines = processes.map((pid) => commandLine(pid).join(' '));
    for (const kind of kinds) expect(lines.filter((line) => line.includes(kind)).length, kind).toBeGreaterThan(0);
    const secrets = [cluster.apiKey, given.RUSTYDB_ADMIN_PASSWORD, given.RUSTYDB_DB_PASSWORD];
    const shown = processes.filter((pid) => secrets.some((secret) => environment(pid).includes(secret)));
    expect(shown.map((pid) => commandLine(pid).join(' '))).toEqual([]);
    const others = processes.filter((pid) => pid !== launcher);
    expect(others.filter((pid) => environment(pid).includes(given.SOMEBODY_ELSES_TOKEN))).toEqual([]);
  });

  it('were taken all the same', async () => {
    const signIn = await fetch(`${cluster.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: given.RUSTYDB_ADMIN_PASSWORD }),
    });
    expect(signIn.status).toBe(200);
    const nodes = await fetch(`${cluster.url}/api/v1/cluster/nodes`, { headers: { 'X-API-Key': cluster.apiKey } });
    expect(nodes.status).toBe(200);
    expect(readFileSync(join(cluster.dataDirectory, 'secrets', 'app-password'), 'utf8').trim()).toBe(
      given.RUSTYDB_DB_PASSWORD,
    );
  });
});
