/** Status and tone: always icon + word, so that colour is never the only signal. */
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleX,
  Crown,
  LoaderCircle,
  type LucideIcon,
  PauseCircle,
  Satellite,
  Square,
  TriangleAlert,
  Wrench,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from './cn';
import { rawState, stateWord } from './state-words';

export type Tone = 'ok' | 'warn' | 'bad' | 'idle' | 'busy';

const toneClass: Record<Tone, string> = {
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  idle: 'bg-idle-soft text-idle',
  busy: 'bg-busy-soft text-busy',
};

export const toneText: Record<Tone, string> = {
  ok: 'text-ok',
  warn: 'text-warn',
  bad: 'text-bad',
  idle: 'text-idle',
  busy: 'text-busy',
};

export const toneIcon: Record<Tone, LucideIcon> = {
  ok: CircleCheck,
  warn: TriangleAlert,
  bad: CircleX,
  idle: CircleDashed,
  busy: LoaderCircle,
};

type Look = { readonly tone: Tone; readonly icon: LucideIcon };

const looks: Readonly<Record<string, Look>> = {
  healthy: { tone: 'ok', icon: CircleCheck },
  succeeded: { tone: 'ok', icon: CircleCheck },
  streaming: { tone: 'ok', icon: CircleCheck },
  active: { tone: 'ok', icon: CircleCheck },
  ok: { tone: 'ok', icon: CircleCheck },
  writable: { tone: 'ok', icon: CircleCheck },
  degraded: { tone: 'warn', icon: TriangleAlert },
  warning: { tone: 'warn', icon: TriangleAlert },
  catchup: { tone: 'busy', icon: LoaderCircle },
  lagging: { tone: 'warn', icon: TriangleAlert },
  ejected: { tone: 'warn', icon: TriangleAlert },
  paused: { tone: 'warn', icon: PauseCircle },
  compensated: { tone: 'warn', icon: TriangleAlert },
  refused: { tone: 'warn', icon: TriangleAlert },
  rejected: { tone: 'warn', icon: TriangleAlert },
  approved: { tone: 'ok', icon: CircleCheck },
  executed: { tone: 'ok', icon: CircleCheck },
  expired: { tone: 'idle', icon: Square },
  unhealthy: { tone: 'bad', icon: CircleX },
  critical: { tone: 'bad', icon: CircleX },
  error: { tone: 'bad', icon: CircleX },
  failed: { tone: 'bad', icon: CircleX },
  disconnected: { tone: 'bad', icon: CircleX },
  'not writable': { tone: 'bad', icon: CircleX },
  down: { tone: 'bad', icon: CircleX },
  crashed: { tone: 'bad', icon: CircleX },
  stopped: { tone: 'idle', icon: Square },
  idle: { tone: 'idle', icon: CircleDashed },
  pending: { tone: 'idle', icon: CircleDashed },
  planned: { tone: 'idle', icon: CircleDashed },
  skipped: { tone: 'idle', icon: CircleDashed },
  cancelled: { tone: 'idle', icon: Square },
  info: { tone: 'idle', icon: CircleAlert },
  maintenance: { tone: 'idle', icon: Wrench },
  initializing: { tone: 'busy', icon: LoaderCircle },
  running: { tone: 'busy', icon: LoaderCircle },
  primary: { tone: 'ok', icon: Crown },
  standby: { tone: 'idle', icon: Satellite },
};

export function lookOf(status: string): Look {
  return looks[status] ?? { tone: 'idle', icon: CircleDashed };
}

export function Badge({
  tone = 'idle',
  icon: Icon,
  children,
  className,
  title,
}: {
  readonly tone?: Tone;
  readonly icon?: LucideIcon;
  readonly children: ReactNode;
  readonly className?: string;
  readonly title?: string;
}) {
  return (
    <span
      title={title}
      className={cn(
        'inline-flex h-5 items-center gap-1 whitespace-nowrap rounded-sm px-1.5 font-medium text-[0.88rem]',
        toneClass[tone],
        className,
      )}
    >
      {Icon ? <Icon className="size-3 shrink-0" aria-hidden /> : null}
      {children}
    </span>
  );
}

export function Status({
  value,
  label,
  title,
}: {
  readonly value: string;
  readonly label?: string;
  readonly title?: string;
}) {
  const look = lookOf(value);
  const raw = label === undefined ? rawState(value) : undefined;
  const tip = [title, raw === undefined ? undefined : `state ${raw}`].filter(Boolean).join(' · ');
  return (
    <Badge tone={look.tone} icon={look.icon} {...(tip === '' ? {} : { title: tip })}>
      {label ?? stateWord(value)}
    </Badge>
  );
}
