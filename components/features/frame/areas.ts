/** What is in the navigation: only areas that work. */
import {
  Activity,
  ArrowLeftRight,
  CircuitBoard,
  Gauge,
  KeyRound,
  ListChecks,
  type LucideIcon,
  Network,
  Replace,
  ScrollText,
  Server,
  Settings,
  ShieldCheck,
  Shuffle,
  Workflow,
} from 'lucide-react';
import type { Role } from '../../providers/wire';

export type Area = {
  readonly href: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** Others don't see it in the navigation. */
  readonly role?: Role;
  readonly onlyWithRehearsal?: boolean;
  readonly keywords: string;
};

export const areas: readonly Area[] = [
  { href: '/', label: 'Overview', icon: Gauge, keywords: 'home health verdict' },
  { href: '/topology', label: 'Topology', icon: Network, keywords: 'map graph groups regions' },
  { href: '/nodes', label: 'Nodes', icon: Server, keywords: 'servers postgresql members' },
  { href: '/failover', label: 'Failover', icon: Shuffle, keywords: 'switchover promote history incident' },
  { href: '/replication', label: 'Replication', icon: Replace, keywords: 'lag wal standby synchronous mode' },
  { href: '/consensus', label: 'Consensus', icon: Workflow, keywords: 'raft quorum leader term log' },
  { href: '/services', label: 'Services', icon: CircuitBoard, keywords: 'connect router psql password clients' },
  {
    href: '/transactions',
    label: 'Transactions',
    icon: ArrowLeftRight,
    keywords: 'xa distributed two-phase commit 2pc activity',
  },
  { href: '/operations', label: 'Operations', icon: ListChecks, keywords: 'jobs running steps' },
  {
    href: '/approvals',
    label: 'Approvals',
    icon: ShieldCheck,
    role: 'operator',
    keywords: 'four eyes force approve reject',
  },
  { href: '/audit', label: 'Audit', icon: ScrollText, role: 'admin', keywords: 'log who what' },
  { href: '/access', label: 'Users & keys', icon: KeyRound, role: 'admin', keywords: 'accounts api password roles' },
  {
    href: '/settings',
    label: 'Settings',
    icon: Settings,
    keywords: 'configuration lease heartbeat automatic failover',
  },
  {
    href: '/rehearsal',
    label: 'Rehearsal',
    icon: Activity,
    role: 'admin',
    onlyWithRehearsal: true,
    keywords: 'faults chaos partition',
  },
];

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export function visibleAreas(role: Role | null, rehearsal: boolean): readonly Area[] {
  return areas.filter(
    (area) =>
      (area.role === undefined || (role !== null && rank[role] >= rank[area.role])) &&
      (!area.onlyWithRehearsal || rehearsal),
  );
}

export function isCurrent(area: Area, pathname: string): boolean {
  return area.href === '/' ? pathname === '/' : pathname === area.href || pathname.startsWith(`${area.href}/`);
}
