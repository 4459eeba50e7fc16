/** Placeholders in the shape of the real layout. */
import { cn } from './cn';

export function Skeleton({ className }: { readonly className?: string }) {
  return (
    <div
      aria-hidden
      className={cn('h-4 animate-[pulse-soft_1.6s_ease-in-out_infinite] rounded-sm bg-raised', className)}
    />
  );
}

const rowKeys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const;

export function TableSkeleton({ rows = 5, label }: { readonly rows?: number; readonly label: string }) {
  return (
    <div role="status" aria-label={`Loading ${label}`} className="grid gap-2.5 p-3">
      {rowKeys.slice(0, rows).map((key, index) => (
        <div key={key} className="grid grid-cols-5 gap-4">
          <Skeleton className={index % 2 === 0 ? 'w-3/4' : 'w-1/2'} />
          <Skeleton className="w-2/3" />
          <Skeleton className="w-1/2" />
          <Skeleton className="w-3/4" />
          <Skeleton className="w-1/3" />
        </div>
      ))}
    </div>
  );
}

export function PanelSkeleton({ lines = 4, label }: { readonly lines?: number; readonly label: string }) {
  return (
    <div
      role="status"
      aria-label={`Loading ${label}`}
      className="grid gap-2.5 rounded-lg border border-line bg-panel p-3"
    >
      <Skeleton className="w-1/3" />
      {rowKeys.slice(0, lines).map((key, index) => (
        <Skeleton key={key} className={index % 2 === 0 ? 'w-full' : 'w-4/5'} />
      ))}
    </div>
  );
}
