/**
 * What an attack on a running installation is: somebody of the threat model (docs/security.md) tries to cross a boundary. Invariant: an attempt says
 * `held` only when it saw the refusal that it expects; an installation that does not answer has refused nothing.
 */
import pg from 'pg';
import { pollUntil } from '../../kernel/async';
import type { RealCluster } from '../real-cluster';

export const actors = ['stranger', 'local user', 'PostgreSQL’s user', 'role app', 'viewer', 'operator'] as const;
export type Actor = (typeof actors)[number];

export const boundaries = ['superuser', 'root', 'secrets', 'control', 'writes', 'service', 'audit'] as const;
export type Boundary = (typeof boundaries)[number];

/** `held`, or what was crossed. */
export type Verdict = string;

export type Attempt = {
  readonly actor: Actor;
  readonly boundary: Boundary;
  readonly attempt: string;
  run(target: Target): Promise<Verdict>;
};

export type Target = {
  readonly cluster: RealCluster;
  /** A group with a standby, and one of a single node. */
  readonly group: string;
  readonly otherGroup: string;
  /** API keys of a lesser role than the installation's own; each call makes a new one, with limits of its own. */
  key(role: 'viewer' | 'operator', groups?: readonly string[]): Promise<string>;
};

export const held = 'held';

export function attempt(actor: Actor, boundary: Boundary, what: string, run: Attempt['run']): Attempt {
  return { actor, boundary, attempt: what, run };
}

/** Every one of these answers must be among the expected. */
export function allOf(
  seen: readonly (readonly [what: string, answer: number | string])[],
  expected: readonly (number | string)[],
): Verdict {
  const other = seen.filter(([, answer]) => !expected.includes(answer));
  if (seen.length === 0) return 'nothing was tried';
  return other.length === 0 ? held : other.map(([what, answer]) => `${what}: ${answer}`).join('; ');
}

/** What of these texts is told although it is secret. */
export function told(text: string, secrets: readonly (readonly [name: string, secret: string])[]): Verdict {
  const found = secrets.filter(([, secret]) => secret !== '' && text.includes(secret)).map(([name]) => name);
  return found.length === 0 ? held : `tells ${found.join(', ')}`;
}

export type Call = { readonly status: number; readonly text: string };

/** Without any identity, unless headers give one. */
export async function call(
  { cluster }: Target,
  path: string,
  { method = 'GET', body, headers = {} }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Call> {
  const response = await fetch(`${cluster.url}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, text: await response.text() };
}

export const withKey = (key: string) => ({ 'x-api-key': key });

/** PostgreSQL's code of the refusal; `allowed` when there was none. */
export async function sqlAnswer(login: pg.ClientConfig, ...statements: readonly string[]): Promise<string> {
  const client = new pg.Client({ ...login, connectionTimeoutMillis: 20_000, query_timeout: 20_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (const statement of statements) await client.query(statement);
    return 'allowed';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export const noRight = ['42501', '42704', '42883', '0A000', '58P01', '22023'] as const;
export const noEntry = ['28P01', '28000'] as const;

/** The group stands: each node is healthy, commits are acknowledged by a standby, nothing runs. */
export async function settled({ cluster, group }: Target): Promise<void> {
  type Topology = {
    nodes: { node_id: string; status: string }[];
    groups: { name: string; writable: boolean; degraded: boolean }[];
  };
  const probe = async () => {
    const { body } = await cluster.api<Topology>('GET', '/cluster/topology');
    const own = body.groups.find(({ name }) => name === group)!;
    const running = await cluster.api<unknown[]>('GET', '/operations?state=running');
    return (
      (body.nodes.every(({ status }) => status === 'healthy') &&
        own.writable &&
        !own.degraded &&
        running.body.length === 0) ||
      undefined
    );
  };
  await pollUntil(probe, { what: `${group} has settled`, timeoutMs: 90_000, intervalMs: 100 });
}
