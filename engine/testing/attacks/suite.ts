/** All attacks on one installation, one after the other, each told with what came of it. */
import type { RealCluster } from '../real-cluster';
import { applicationAttacks } from './application-role';
import { type Actor, type Attempt, held, type Target } from './attack';
import { operatorAttacks, viewerAttacks } from './console-roles';
import { isRoot } from './installation';
import { localUserAttacks, postgresUserAttacks } from './local-user';
import { strangerAttacks } from './stranger';

export const attacks: readonly Attempt[] = [
  ...strangerAttacks,
  ...localUserAttacks,
  ...applicationAttacks,
  ...viewerAttacks,
  ...operatorAttacks,
  // The last: it restarts a server.
  ...postgresUserAttacks,
];

/** Nobody but root can act as another user of the host. */
const needRoot: ReadonlySet<Actor> = new Set<Actor>(['local user', 'PostgreSQL’s user']);
export const possible = isRoot ? attacks : attacks.filter(({ actor }) => !needRoot.has(actor));

export function targetOf(cluster: RealCluster, group: string, otherGroup: string): Target {
  return {
    cluster,
    group,
    otherGroup,
    async key(role, groups) {
      const name = `attack-${role}`;
      const { status, body } = await cluster.api<{ secret: string }>('POST', '/api-keys', {
        name,
        role,
        ...(groups ? { groups } : {}),
      });
      if (status !== 201) throw new Error(`no key: ${JSON.stringify(body)}`);
      return body.secret;
    },
  };
}

export type Outcome = Attempt & { readonly verdict: string; readonly ms: number };

/** An attempt that could not be made has shown nothing: it counts as crossed. */
export async function attack(one: Attempt, target: Target): Promise<Outcome> {
  const begun = performance.now();
  const verdict = await one.run(target).catch((error: unknown) => `could not be tried: ${(error as Error).message}`);
  return { ...one, verdict, ms: Math.round(performance.now() - begun) };
}

export function line({ actor, boundary, attempt, verdict, ms }: Outcome): string {
  const result = verdict === held ? held : `CROSSED: ${verdict}`;
  return `${actor.padEnd(18)} ${boundary.padEnd(10)} ${String(ms).padStart(6)} ms  ${attempt} → ${result}`;
}
