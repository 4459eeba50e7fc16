'use client';
/** One node on the map. Memoised: it re-renders only when its own data changed. Far zoom shows id and state only. */
import { Handle, type NodeProps, Position } from '@xyflow/react';
import { Crown, KeyRound, Landmark } from 'lucide-react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import { counted } from '../ui/counted';
import { formatBytes, formatNumber, formatPercent } from '../ui/format';
import { stateWord } from '../ui/state-words';
import { lookOf, toneText } from '../ui/status';
import type { CardNode } from './flow-elements';
import type { MapService } from './model';
import { useSelectNode } from './selection';

function NodeCardView({ data }: NodeProps<CardNode>) {
  const { node, selected, services } = data;
  const select = useSelectNode();
  const look = lookOf(node.status);
  const primary = node.role === 'primary';
  return (
    <button
      type="button"
      data-node={node.id}
      aria-pressed={selected}
      aria-label={`${node.id}, ${node.role}, ${stateWord(node.status)}`}
      onClick={() => select(node.id)}
      className={cn(
        'map-card relative grid size-full content-start gap-0.5 overflow-hidden rounded-md border bg-panel px-2 py-1.5 text-left',
        primary ? 'border-fg/45 border-2' : 'border-line-strong/50',
        look.tone === 'bad' && 'border-bad',
        look.tone === 'warn' && 'border-warn',
        selected && 'outline outline-2 outline-accent outline-offset-2',
      )}
    >
      <Handle type="source" position={Position.Bottom} className="invisible" isConnectable={false} />
      <Handle type="target" position={Position.Top} className="invisible" isConnectable={false} />
      <span className="flex items-center gap-1.5">
        <look.icon className={cn('size-3.5 shrink-0', toneText[look.tone])} aria-hidden />
        <span className="truncate font-semibold">{node.id}</span>
        <span className="ml-auto flex items-center gap-1">
          {node.leadsStore ? (
            <Badge icon={Landmark} title="Leads the control store (Raft)">
              leader
            </Badge>
          ) : null}
          {node.holdsLease ? (
            <Badge icon={KeyRound} title="Holds the group's lease">
              lease
            </Badge>
          ) : null}
        </span>
      </span>
      <span className="map-detail flex items-center gap-1">
        {primary ? <Crown className="size-3.5 shrink-0 text-fg" aria-hidden /> : null}
        <span className={primary ? 'font-medium' : 'text-muted'}>{node.role}</span>
        <span className={cn('truncate', toneText[look.tone])}>
          · {node.replayPaused ? 'replay paused' : stateWord(node.status)}
        </span>
      </span>
      <span
        className="map-detail num flex justify-between gap-2 text-muted"
        title="LSN: as this node told last. Lag: one sample of its primary, the newest WAL there less what is replayed here."
      >
        <span className="truncate">{node.lsn ?? 'no LSN'}</span>
        <span className={cn('whitespace-nowrap', (node.lagMs ?? 0) > 1000 && 'text-warn')}>{lagText(node)}</span>
      </span>
      {services === null ? (
        <span className="map-detail flex items-center justify-between gap-2 text-muted">
          <LoadBar percent={node.cpuPercent} />
          <span className="num whitespace-nowrap">
            {primary ? `${formatNumber(node.transactionsPerSecond)} tx/s` : `${formatNumber(node.connections)} conn`}
          </span>
        </span>
      ) : (
        <Services services={services} />
      )}
    </button>
  );
}

export const NodeCard = memo(NodeCardView, (a, b) => a.data === b.data);

function lagText(node: CardNode['data']['node']): string {
  if (node.role === 'primary') return '';
  if (node.lagBytes === null) return 'lag ?';
  return node.lagBytes === 0 ? 'no lag' : `${formatBytes(node.lagBytes)} behind`;
}

function Badge({ icon: Icon, title, children }: { icon: typeof Crown; title: string; children: string }) {
  return (
    <span
      title={title}
      className="map-detail inline-flex items-center gap-0.5 rounded-sm bg-accent-soft px-1 text-[0.8rem] text-accent leading-4"
    >
      <Icon className="size-2.5" aria-hidden />
      {children}
    </span>
  );
}

const serviceTone = {
  active: 'bg-accent-soft text-accent',
  idle: '',
  lagging: 'bg-warn-soft text-warn',
  ejected: 'bg-warn-soft text-warn',
  down: 'bg-bad-soft text-bad',
} as const;

/** Which services lead here, and with how many sessions. */
function Services({ services }: { readonly services: readonly MapService[] }) {
  const shown = services.filter((one) => one.state !== 'idle');
  return (
    <span className="map-detail flex items-center gap-1 text-[0.9rem]">
      {shown.length === 0 ? <span className="text-muted">behind no service</span> : null}
      {shown.map((one) => (
        <span
          key={one.service}
          title={`${one.service}: ${one.reason ?? stateWord(one.state)}, ${counted(one.sessions, 'session')}`}
          className={cn('num inline-flex whitespace-nowrap rounded-sm px-1', serviceTone[one.state])}
        >
          {one.kind} {one.state === 'active' ? formatNumber(one.sessions) : stateWord(one.state)}
        </span>
      ))}
    </span>
  );
}

function LoadBar({ percent }: { readonly percent: number | null }) {
  const width = Math.min(100, Math.max(0, percent ?? 0));
  return (
    <span className="flex items-center gap-1.5" title={`CPU ${formatPercent(percent)}`}>
      <span className="h-1.5 w-14 overflow-hidden rounded-full bg-raised">
        <span
          className={cn('block h-full', width > 85 ? 'bg-warn' : 'bg-line-strong')}
          style={{ width: `${width}%` }}
        />
      </span>
      <span className="num">{formatPercent(percent)}</span>
    </span>
  );
}
