'use client';
/** A list with pages: all the states of a query, what the server says is missing from it, and while there is another page, a button that reads it. */
import type { ReactNode } from 'react';
import { Button } from '../ui/button';
import { QueryView } from './query-view';
import { PartialNote } from './states';

type Page = { readonly items: readonly unknown[]; readonly notice?: string | null };

type PagesLike<P> = {
  readonly data: { readonly pages: readonly P[] } | undefined;
  readonly error: unknown;
  readonly isPending: boolean;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly refetch: () => unknown;
  readonly fetchNextPage: () => unknown;
};

export function ListView<P extends Page>({
  query,
  more = 'Load more',
  children,
  ...view
}: {
  readonly query: PagesLike<P>;
  /** As in "Could not load the nodes": `the nodes`. */
  readonly what: string;
  readonly needs?: string;
  readonly skeleton: ReactNode;
  readonly more?: string;
  readonly children: (rows: readonly P['items'][number][]) => ReactNode;
}) {
  return (
    <QueryView query={query} {...view}>
      {({ pages }) => (
        <>
          <Missing pages={pages} />
          {children(pages.flatMap((page) => page.items))}
          {query.hasNextPage ? (
            <div className="p-2">
              <Button size="sm" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {more}
              </Button>
            </div>
          ) : null}
        </>
      )}
    </QueryView>
  );
}

/** The server's own sentences, each once for all pages that were read. */
function Missing({ pages }: { readonly pages: readonly Page[] }) {
  const notices = [...new Set(pages.flatMap((page) => page.notice ?? []))];
  if (notices.length === 0) return null;
  return (
    <div className="p-3 pb-1">
      {notices.map((notice) => (
        <PartialNote key={notice}>{notice}.</PartialNote>
      ))}
    </div>
  );
}
