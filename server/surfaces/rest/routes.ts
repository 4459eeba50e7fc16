/** REST paths to procedures. A literal segment beats a parameter; a path that exists with other methods is known as such. */
import type { AnyDefinition, Method } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';

export const apiPrefix = '/api/v1';

export type Route = {
  readonly definition: AnyDefinition;
  readonly method: Method;
  readonly path: string;
  readonly deprecated: boolean;
};

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'unknown' };

export const routes: readonly Route[] = allProcedures.flatMap((definition) => {
  if (!definition.rest) return [];
  const { method, path, aliases = [] } = definition.rest;
  return [
    { definition, method, path, deprecated: false },
    ...aliases.map((alias) => ({ definition, ...alias, deprecated: true })),
  ];
});

type Branch = { readonly literal: Map<string, Branch>; parameter: Branch | null; readonly routes: Map<Method, Route> };

function branch(): Branch {
  return { literal: new Map(), parameter: null, routes: new Map() };
}

const root = routes.reduce((tree, route) => {
  let at = tree;
  for (const segment of segmentsOf(route.path)) {
    if (segment.startsWith('{')) {
      at.parameter ??= branch();
      at = at.parameter;
    } else {
      const next = at.literal.get(segment) ?? branch();
      at.literal.set(segment, next);
      at = next;
    }
  }
  if (at.routes.has(route.method)) throw new Error(`two procedures at ${route.method} ${route.path}`);
  at.routes.set(route.method, route);
  return tree;
}, branch());

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** `path` without the prefix, still percent-encoded. */
export function match(method: string, path: string): Match {
  if (path.includes('//')) return { kind: 'unknown' };
  const segments = segmentsOf(path);
  const found = walk(root, segments, 0, method === 'HEAD' ? 'GET' : method);
  if (found === null) return { kind: 'unknown' };
  if ('allow' in found) return { kind: 'wrong-method', allow: [...found.allow].sort() };
  const params: Record<string, string> = {};
  segmentsOf(found.route.path).forEach((segment, index) => {
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = decode(segments[index]!);
  });
  return { kind: 'found', route: found.route, params };
}

function walk(
  at: Branch,
  segments: readonly string[],
  index: number,
  method: string,
): { readonly route: Route } | { readonly allow: ReadonlySet<string> } | null {
  if (index === segments.length) {
    const route = at.routes.get(method as Method);
    if (route) return { route };
    if (at.routes.size === 0) return null;
    const allow = new Set<string>(at.routes.keys());
    if (allow.has('GET')) allow.add('HEAD');
    return { allow };
  }
  const literal = at.literal.get(segments[index]!);
  const first = literal ? walk(literal, segments, index + 1, method) : null;
  if (first && 'route' in first) return first;
  const second = at.parameter ? walk(at.parameter, segments, index + 1, method) : null;
  if (second && 'route' in second) return second;
  if (!first) return second;
  if (!second) return first;
  return { allow: new Set([...first.allow, ...second.allow]) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Malformed escapes can name nothing that exists.
    return segment;
  }
}
