'use client';
/**
 * A list read page by page. tRPC's own infinite queries add a `direction` to the input, which a strict server refuses; this asks with the cursor only.
 */
import { type InfiniteData, keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';

type Page = { readonly items: readonly unknown[]; readonly next_cursor: string | null };

/** The most that a list gives at once: for tables that sort and count what they have. */
export const longestPage = 1000;

export function usePages<P extends Page>(options: {
  /** The list's own key, so that invalidating the procedure reaches it. */
  readonly queryKey: readonly unknown[];
  readonly fetchPage: (cursor: string | undefined) => Promise<P>;
  readonly refetchInterval?: number | false;
}) {
  return useInfiniteQuery({
    queryKey: [...options.queryKey, 'pages'],
    queryFn: ({ pageParam }) => options.fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: options.refetchInterval ?? false,
    placeholderData: keepPreviousData,
  });
}

/** What has been read so far. */
export function rowsOf<P extends Page>(data: InfiniteData<P> | undefined): readonly P['items'][number][] {
  return data?.pages.flatMap((page) => page.items) ?? [];
}
