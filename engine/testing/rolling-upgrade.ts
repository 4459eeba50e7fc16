/** An upgrade of a real installation as an operator does it: another release's launcher takes over, then `npm run upgrade` of that release. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type RealCluster, send } from './real-cluster';

export type UpgradeRun = { readonly code: number; readonly said: string };

/** `upgrade.mjs` of that release with these words, to its end. */
export function runUpgrade(cluster: RealCluster, dist: string, words: readonly string[]): Promise<UpgradeRun> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--enable-source-maps', join(dist, 'upgrade.mjs'), ...words],
      { env: { ...process.env, ...cluster.environment() }, timeout: 600_000, maxBuffer: 16 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, said: `${stdout}${stderr}` });
      },
    );
  });
}

/** The whole of it under whatever load there is: launcher, then one process after the other. @throws Error with what was said when it stopped */
export async function rollingUpgrade(cluster: RealCluster, dist: string): Promise<string> {
  await cluster.replaceLauncher(dist);
  await cluster.ready(60_000);
  const { code, said } = await runUpgrade(cluster, dist, ['--apply']);
  if (code !== 0) throw new Error(`the upgrade stopped:\n${said}`);
  return said;
}

/** Every process again by one of the same release, in the same order: what an upgrade does, as often as one likes. For the soak. */
export async function rollingReplacement(cluster: RealCluster, dist: string): Promise<string> {
  const { code, said } = await runUpgrade(cluster, dist, ['--again', '--apply']);
  if (code !== 0) throw new Error(`the replacement stopped:\n${said}`);
  return said;
}

/** SIGSTOP to all processes of a node while `meanwhile` runs. */
export async function frozen<T>(cluster: RealCluster, node: string, meanwhile: () => Promise<T>): Promise<T> {
  const pids = cluster.nodeProcesses(node);
  for (const pid of pids) send(pid, 'SIGSTOP');
  try {
    return await meanwhile();
  } finally {
    for (const pid of pids) send(pid, 'SIGCONT');
  }
}
