/** Two groups and, where it is installed, a MariaDB that is registered as `ledger`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealCluster } from '../real-cluster';
import { login, MariadbFixture, mariadbInstalled } from './mariadb-fixture';

export const groups = ['alpha', 'beta'] as const;
export const outsideName = 'ledger';

const topology = `
cluster_name: xa
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }] }
  - { name: beta, nodes: [{ id: b-1 }, { id: b-2 }] }
`;

export type XaScene = {
  readonly cluster: RealCluster;
  readonly maria: MariadbFixture | null;
  destroy(): Promise<void>;
};

export async function openXaScene(): Promise<XaScene> {
  if (!mariadbInstalled)
    console.log('MariaDB is not installed (apt-get install mariadb-server): its branches are left out.');
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-xa-'));
  writeFileSync(join(directory, 'topology.yaml'), topology);
  const [cluster, maria] = await Promise.all([
    RealCluster.start({ topology: join(directory, 'topology.yaml') }),
    mariadbInstalled ? MariadbFixture.start() : null,
  ]);
  rmSync(directory, { recursive: true });
  await cluster.healed();
  const destroy = async () => {
    await cluster.destroy();
    await maria?.destroy();
  };
  if (maria) {
    const door = await cluster.door();
    const registration = { name: outsideName, kind: 'mariadb', host: '127.0.0.1', port: maria.port } as const;
    await door.connection.requestNode(
      await door.primary('alpha'),
      'xa.manager.register',
      {
        registration: { ...registration, ...login, tls: 'off', certificateAuthority: null },
        dryRun: false,
        requester: { by: 'test', reason: null, requestId: null, admin: true },
      },
      20_000,
    );
  }
  return { cluster, maria, destroy };
}
