/** A console that runs already, with its real cluster, as what is fuzzed: keys of each role are made for it and revoked at the end. */
import type { Role } from '@/server/procedures/definition';
import type { FuzzTarget } from './run';

const roles: readonly Role[] = ['viewer', 'operator', 'admin'];

export async function realTarget(
  url: string,
  adminKey: string,
): Promise<{ readonly target: FuzzTarget; end(): Promise<void> }> {
  const headers = { 'X-API-Key': adminKey, 'Content-Type': 'application/json' };
  const ids: string[] = [];
  const keys = {} as Record<Role, string>;
  for (const role of roles) {
    const body = JSON.stringify({ name: `fuzz ${role} ${Date.now()}`, role });
    const response = await fetch(`${url}/api/v1/api-keys`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`${url} gives no key: ${response.status} ${await response.text()}`);
    const made = (await response.json()) as { readonly id: string; readonly secret: string };
    ids.push(made.id);
    keys[role] = made.secret;
  }
  const end = async () => {
    for (const id of ids) await fetch(`${url}/api/v1/api-keys/${id}`, { method: 'DELETE', headers, body: '{}' });
  };
  return { target: { url, keys }, end };
}
