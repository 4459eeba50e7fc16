'use client';
/**
 * The part of a dialog that scrolls. Where more stands above or below, its edge is shaded, so that nobody takes the visible part for the whole; it can be
 * scrolled by keyboard while it is longer than its room, and is no stop of the Tab key otherwise.
 */
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { cn } from './cn';

type Edges = { readonly above: boolean; readonly below: boolean };

const none: Edges = { above: false, below: false };

export function ScrollBody({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [edges, setEdges] = useState<Edges>(none);
  const look = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const above = element.scrollTop > 1;
    const below = element.scrollTop + element.clientHeight < element.scrollHeight - 1;
    setEdges((old) => (old.above === above && old.below === below ? old : { above, below }));
  }, []);
  useEffect(() => {
    const watch = new ResizeObserver(look);
    if (box.current) watch.observe(box.current);
    if (content.current) watch.observe(content.current);
    return () => watch.disconnect();
  }, [look]);
  const scrolls = edges.above || edges.below;
  return (
    <div className="group/scroll relative flex min-h-0 flex-1 flex-col" data-below={edges.below || undefined}>
      <Shade className={cn('top-0 bg-linear-to-b', !edges.above && 'opacity-0')} />
      <div
        ref={box}
        data-scroll-body
        {...(scrolls ? { role: 'group', 'aria-label': label, tabIndex: 0 } : {})}
        onScroll={look}
        className="min-h-0 overflow-y-auto px-4"
      >
        <div ref={content} className="pb-4 has-data-dialog-actions:pb-0">
          {children}
        </div>
      </div>
      <Shade
        className={cn(
          'bottom-0 bg-linear-to-t group-has-data-dialog-actions/scroll:hidden',
          !edges.below && 'opacity-0',
        )}
      />
    </div>
  );
}

function Shade({ className }: { readonly className: string }) {
  return (
    <div
      aria-hidden
      className={cn('pointer-events-none absolute inset-x-0 z-10 h-5 from-fg/20 to-transparent', className)}
    />
  );
}

/** The buttons of a form: inside a dialog they stay in view at its lower edge, under the shade that says that more stands above them. */
export function FormActions({ children }: { readonly children: ReactNode }) {
  return (
    <div
      data-dialog-actions
      className={cn(
        'flex items-center justify-end gap-2',
        'in-data-scroll-body:sticky in-data-scroll-body:bottom-0 in-data-scroll-body:z-10 in-data-scroll-body:-mx-4',
        'in-data-scroll-body:border-line in-data-scroll-body:border-t in-data-scroll-body:bg-panel in-data-scroll-body:px-4 in-data-scroll-body:py-3',
        'before:pointer-events-none before:absolute before:inset-x-0 before:-top-5 before:hidden before:h-5 before:bg-linear-to-t before:from-fg/20 before:to-transparent group-data-below/scroll:before:block',
      )}
    >
      {children}
    </div>
  );
}
