'use client';
import { Boxes } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useTopology } from '../../providers/live';
import { useIdentity } from '../../providers/session';
import { cn } from '../../ui/cn';
import { isCurrent, visibleAreas } from './areas';
import { useRehearsalEnabled } from './platform-info';

export function Navigation({
  className,
  onNavigate,
}: {
  readonly className?: string;
  readonly onNavigate?: () => void;
}) {
  const pathname = usePathname();
  const identity = useIdentity();
  const topology = useTopology();
  const rehearsal = useRehearsalEnabled();
  return (
    <nav aria-label="Areas" className={cn('flex w-44 shrink-0 flex-col border-line border-r bg-panel', className)}>
      <Link
        href="/"
        className="flex h-11 items-center gap-2 border-line border-b px-3 font-semibold"
        onClick={onNavigate}
      >
        <Boxes className="size-4 text-accent" aria-hidden />
        <span className="truncate">{topology?.cluster_name ?? 'RustyDB'}</span>
      </Link>
      <ul className="grid gap-px overflow-y-auto p-2">
        {visibleAreas(identity?.role ?? null, rehearsal).map((area) => {
          const current = isCurrent(area, pathname);
          return (
            <li key={area.href}>
              <Link
                href={area.href}
                aria-current={current ? 'page' : undefined}
                onClick={onNavigate}
                className={cn(
                  'flex h-7 items-center gap-2 rounded-md px-2',
                  current ? 'bg-accent-soft font-medium text-accent' : 'text-muted hover:bg-raised hover:text-fg',
                )}
              >
                <area.icon className="size-4 shrink-0" aria-hidden />
                {area.label}
              </Link>
            </li>
          );
        })}
      </ul>
      <div className="mt-auto grid gap-1 border-line border-t p-3 text-muted">
        <a href="/api/docs" className="hover:text-fg">
          API reference
        </a>
        <a href="/graphql/explorer" className="hover:text-fg">
          GraphQL explorer
        </a>
      </div>
    </nav>
  );
}
