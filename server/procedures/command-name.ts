/** A procedure's name as words of a command line: `cluster.getTopology` is `cluster topology`. For the CLI, its docs and the copy buttons. */
import type { AnyDefinition } from './definition';

export type CommandName = { readonly area: string; readonly command: string };

/** What people type most, without the area. */
const shortcuts: Readonly<Record<string, string>> = {
  'cluster.failover': 'failover',
  'cluster.getTopology': 'topology',
  'cluster.listNodes': 'nodes',
  'cluster.getStatus': 'status',
  'cluster.getHealth': 'health',
};

export function shortcutOf(definition: Pick<AnyDefinition, 'name'>): string | null {
  return shortcuts[definition.name] ?? null;
}

/** Names of all procedures; `get` and `list` are left out where nothing else is called so. */
export function commandNames(procedures: readonly Pick<AnyDefinition, 'name'>[]): ReadonlyMap<string, CommandName> {
  const names = new Map<string, CommandName>();
  const taken = new Set(procedures.map(({ name }) => kebab(name)));
  for (const { name } of procedures) {
    const [area, verb] = name.split('.') as [string, string];
    const short = kebab(verb.replace(/^(get|list)(?=[A-Z])/, ''));
    const full = kebab(verb);
    const command = short !== full && !taken.has(`${kebab(area)}.${short}`) ? short : full;
    taken.add(`${kebab(area)}.${command}`);
    names.set(name, { area: kebab(area), command });
  }
  return names;
}

function kebab(text: string): string {
  return text.replaceAll(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}
