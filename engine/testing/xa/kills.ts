/** Who is killed in the middle of a transfer: each kind is put right again by itself, or by `mend`. */
import type { RealCluster } from '../real-cluster';
import type { MariadbFixture } from './mariadb-fixture';

export type Kill = { readonly name: string; strike(): Promise<void>; mend(): Promise<void> };

const nothing = async () => undefined;

export function kills(cluster: RealCluster, groups: readonly string[], maria: MariadbFixture | null): readonly Kill[] {
  const primary = async (group: string) => (await cluster.door()).primary(group);
  const ofGroups = groups.flatMap((group): Kill[] => [
    {
      name: `PostgreSQL of ${group}'s primary`,
      strike: async () => cluster.postgresProcesses(await primary(group)).forEach(kill),
      mend: nothing,
    },
    {
      name: `${group}'s primary node`,
      strike: async () => void cluster.signalNode(await primary(group), 'SIGKILL'),
      mend: nothing,
    },
  ]);
  return [
    {
      name: 'the coordinator’s agent',
      strike: async () => kill(cluster.agentProcess(await primary(groups[0]!))),
      mend: nothing,
    },
    {
      name: 'the controller',
      strike: async () => kill(cluster.agentProcess(await (await cluster.door()).leader())),
      mend: nothing,
    },
    ...ofGroups,
    ...(maria ? [{ name: 'MariaDB', strike: () => maria.kill(), mend: () => maria.launch() }] : []),
  ];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was gone already: two kills may strike one process.
  }
}
