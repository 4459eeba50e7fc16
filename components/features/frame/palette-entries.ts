/**
 * What the command palette offers: every page and part of a page, every node, service, slot and operation, and every action, each as an address. Pure.
 * Invariant: nothing is offered that the role does not allow or that makes no sense for the node now; every named door (feedback/use-door.ts) is among
 * the actions (palette-entries.test.ts).
 */
import type { ClusterNode, Group, Operation, Role, Service, Slot } from '../../providers/wire';
import { formatUtc } from '../../ui/format';
import { stateWord } from '../../ui/state-words';
import { actionReasons } from '../nodes/action-reasons';
import { operationName } from '../operations/operation-name';
import { visibleAreas } from './areas';

export const sections = ['Go to', 'Nodes', 'Services', 'Actions', 'Slots', 'Operations'] as const;
export type Section = (typeof sections)[number];

export type Entry = {
  readonly id: string;
  readonly section: Section;
  readonly label: string;
  readonly hint?: string;
  /** Found by these too. */
  readonly keywords?: string;
  readonly target: { readonly kind: 'page' | 'load'; readonly href: string } | { readonly kind: 'theme' };
};

export type PaletteFacts = {
  readonly role: Role | null;
  readonly rehearsal: boolean;
  readonly dark: boolean;
  readonly nodes: readonly ClusterNode[];
  readonly groups: readonly Pick<Group, 'name' | 'primary' | 'automatic_failover'>[];
  readonly services: readonly Pick<Service, 'service_name' | 'kind' | 'group' | 'host' | 'port'>[];
  readonly slots: readonly Pick<Slot, 'slot_name' | 'node_id' | 'group' | 'slot_type'>[];
  readonly operations: readonly Operation[];
};

export function paletteEntries(facts: PaletteFacts): readonly Entry[] {
  const rank = facts.role === 'admin' ? 2 : facts.role === 'operator' ? 1 : 0;
  return [
    ...pages(facts, rank),
    ...facts.nodes.flatMap(nodeEntries),
    ...facts.services.map(serviceEntry),
    ...(rank >= 1 ? operatorActions(facts) : []),
    ...(rank >= 2 ? adminActions(facts) : []),
    ...ownActions(facts),
    ...facts.slots.map(slotEntry),
    ...facts.operations.map(operationEntry),
  ];
}

function page(section: Section, label: string, href: string, more: Partial<Entry> = {}): Entry {
  return { id: `${section}:${label}:${href}`, section, label, target: { kind: 'page', href }, ...more };
}

type Part = readonly [label: string, tab: string, keywords: string];

const settingsParts: readonly Part[] = [
  ['cluster configuration', 'cluster', 'lease heartbeat drain'],
  ['automatic failover', 'failover', 'pause resume'],
  ['health history', 'health', 'changes'],
  ['my account', 'account', 'password sessions'],
];
const accessParts: readonly Part[] = [
  ['invitations', 'invitations', 'invite'],
  ['API keys', 'keys', 'secret token'],
  ['console sessions', 'sessions', 'signed in'],
  ['lockouts', 'lockouts', 'failed sign-ins unlock'],
  ['break-glass', 'break-glass', 'emergency'],
  ['force', 'force', 'four eyes policy approval'],
];
const transactionParts: readonly Part[] = [
  ['in doubt', 'in-doubt', 'prepared transactions two-phase 2pc heuristic locks'],
  ['resource managers', 'managers', 'xa mariadb postgresql outside'],
  ['statistics', 'statistics', 'two-phase commit latency counters'],
];
const nodeParts: readonly Part[] = [
  ['resources', 'resources', 'cpu memory charts'],
  ['sessions', 'sessions', 'connections blocking terminate cancel statements pg_stat_activity'],
  ['WAL and slots', 'wal', 'archive segment'],
  ['links', 'links', 'interconnect round trip'],
  ['log', 'log', 'errors messages'],
  ['PostgreSQL settings', 'settings', 'parameters configuration guc'],
];

function pages(facts: PaletteFacts, rank: number): readonly Entry[] {
  const parts = (area: string, href: string, list: readonly Part[]) =>
    list.map(([label, tab, keywords]) => page('Go to', `${area}: ${label}`, `${href}?tab=${tab}`, { keywords }));
  return [
    ...visibleAreas(facts.role, facts.rehearsal).map((area) =>
      page('Go to', area.label, area.href, { keywords: area.keywords }),
    ),
    page('Go to', 'Replication: slots', '/replication', { keywords: 'replication slots wal kept' }),
    ...parts('Transactions', '/transactions', transactionParts),
    ...parts('Settings', '/settings', settingsParts),
    ...(rank >= 2 ? parts('Users & keys', '/access', accessParts) : []),
    ...(
      [
        ['API reference', '/api/docs', 'openapi rest swagger'],
        ['GraphQL explorer', '/graphql/explorer', 'query schema'],
      ] as const
    ).map(
      ([label, href, keywords]): Entry => ({
        ...page('Go to', label, href, { keywords }),
        target: { kind: 'load', href },
      }),
    ),
  ];
}

function nodeEntries(node: ClusterNode): readonly Entry[] {
  const href = `/nodes/${encodeURIComponent(node.id)}`;
  return [
    page('Nodes', node.id, href, {
      hint: `${node.role} of ${node.group} · ${stateWord(node.status)}`,
      keywords: node.region,
    }),
    ...nodeParts.map(([label, tab, keywords]) =>
      page('Nodes', `${node.id}: ${label}`, `${href}?tab=${tab}`, { keywords: `${node.group} ${keywords}` }),
    ),
  ];
}

function serviceEntry({ service_name: name, kind, group, host, port }: PaletteFacts['services'][number]): Entry {
  return page('Services', name, `/services/${encodeURIComponent(name)}`, {
    hint: `${kind === 'rw' ? 'reads and writes' : 'reads'} of ${group} · ${host}:${port}`,
    keywords: 'connect psql',
  });
}

function slotEntry({ slot_name: name, node_id: node, group, slot_type: kind }: PaletteFacts['slots'][number]): Entry {
  return page('Slots', name, `/replication?slot=${encodeURIComponent(`${node}/${name}`)}`, {
    hint: `${kind} slot on ${node} of ${group}`,
    keywords: 'replication drop',
  });
}

function operationEntry(operation: Operation): Entry {
  return page('Operations', operationName(operation), `/operations/${operation.id}`, {
    hint: `${stateWord(operation.state)} · ${formatUtc(operation.created_at)}`,
    keywords: operation.id,
  });
}

function operatorActions({ nodes, groups }: PaletteFacts): readonly Entry[] {
  const act = (label: string, href: string, keywords = '', hint?: string) =>
    page('Actions', label, href, { keywords, ...(hint === undefined ? {} : { hint }) });
  return [
    act('Add a node', '/nodes?do=add-node', 'standby server member new'),
    act('Create a replication slot', '/replication?do=create-slot', 'logical physical'),
    act(
      'Register a resource manager',
      '/transactions?tab=managers&do=register-resource-manager',
      'xa mariadb server distributed transaction',
    ),
    act('Transfer the leadership of the control store', '/consensus?do=transfer-leadership', 'raft leader'),
    act('Change the strategy of the read pool', '/services', 'load balancer round robin'),
    act('Change the cluster configuration', '/settings?tab=cluster', 'lease heartbeat'),
    act('Decide about an approval', '/approvals', 'approve reject four eyes'),
    ...groups.flatMap(({ name, primary, automatic_failover: automatic }) => [
      act(`Switch over ${name}`, `/failover/new?group=${name}`, 'failover promote', `primary ${primary ?? 'none'}`),
      act(`Configure replication of ${name}`, `/replication?do=configure-${name}`, 'commit mode synchronous voters'),
      act(
        `${automatic ? 'Pause' : 'Resume'} automatic failover of ${name}`,
        `/settings?tab=failover&do=automatic-failover-${name}`,
      ),
      ...(primary === null
        ? []
        : [
            act(`Change a PostgreSQL setting of ${name}`, `/nodes/${primary}?tab=settings`, 'parameter guc reset'),
            act(`Switch the WAL segment of ${name}`, `/nodes/${primary}?tab=wal`, 'archive'),
          ]),
    ]),
    ...nodes.flatMap(nodeActions),
  ];
}

function nodeActions(node: ClusterNode): readonly Entry[] {
  const { id } = node;
  const reasons = actionReasons(node);
  const door = (name: string) => `/nodes/${encodeURIComponent(id)}?do=${name}`;
  const offered: readonly (readonly [reason: string | null, label: string, href: string, keywords: string])[] = [
    [reasons.start, `Start ${id}`, door('start'), ''],
    [reasons.stop, `Stop ${id}`, door('stop'), 'shut down'],
    [reasons.restart, `Restart ${id}`, door('restart'), ''],
    [
      reasons.maintenance,
      node.maintenance ? `End the maintenance of ${id}` : `Put ${id} into maintenance`,
      door('maintenance'),
      'maintenance',
    ],
    [reasons.rejoin, `Rejoin ${id}`, door('rejoin'), 'copy again reclone'],
    [reasons.remove, `Remove ${id}`, door('remove'), 'delete forget'],
    [
      reasons.promote,
      `Make ${id} the primary`,
      `/failover/new?group=${node.group}&target=${id}&step=checks`,
      'promote switch over failover',
    ],
    [null, `Change the priority of ${id}`, door('priority'), 'promotion'],
    [
      reasons.stop,
      `End a session on ${id}`,
      `/nodes/${encodeURIComponent(id)}?tab=sessions`,
      'terminate cancel statement kill',
    ],
    [
      node.role === 'primary' ? 'A primary replays nothing.' : reasons.stop,
      `${node.replay_paused ? 'Resume' : 'Pause'} replay on ${id}`,
      `/replication?streams.q=${encodeURIComponent(id)}`,
      'replication',
    ],
  ];
  return offered.flatMap(([reason, label, href, keywords]) =>
    reason === null ? [page('Actions', label, href, { keywords: `${keywords} ${node.group}` })] : [],
  );
}

function adminActions({ rehearsal }: PaletteFacts): readonly Entry[] {
  const offered: readonly Part[] = [
    ['Create a user', '/access?tab=users&do=create-user', 'account'],
    ['Invite a user', '/access?tab=invitations&do=invite', 'account link'],
    ['Create an API key', '/access?tab=keys&do=create-key', 'secret token script'],
    ['Revoke an API key', '/access?tab=keys', ''],
    ['End somebody’s console session', '/access?tab=sessions', 'sign out revoke'],
    ['Unlock a name or an address', '/access?tab=lockouts', 'failed sign-ins'],
    ['Change what force takes', '/access?tab=force', 'four eyes policy password'],
    ['Verify the audit log', '/audit', 'chain'],
    ...(rehearsal ? [['Inject a fault', '/rehearsal', 'partition delay drop chaos'] as const] : []),
  ];
  return offered.map(([label, href, keywords]) => page('Actions', label, href, { keywords }));
}

function ownActions({ dark }: PaletteFacts): readonly Entry[] {
  return [
    {
      id: 'theme',
      section: 'Actions',
      label: dark ? 'Use the light theme' : 'Use the dark theme',
      keywords: 'colour appearance',
      target: { kind: 'theme' },
    },
    page('Actions', 'Change my password', '/settings?tab=account', { keywords: 'account' }),
    page('Actions', 'End my other sessions', '/settings?tab=account&do=end-others', { keywords: 'sign out' }),
  ];
}
