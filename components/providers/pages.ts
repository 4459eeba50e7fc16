'use client';
/**
 * A list read page by page. tRPC's own infinite queries add a `direction` to the input, which a strict server refuses; this asks with the cursor only.
 */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';

type Page = { readonly items: readonly unknown[]; readonly next_cursor: string | null };

export function usePages<P extends Page>(options: {
  /** The list's own key, so that invalidating the procedure reaches it. */
  readonly queryKey: readonly unknown[];
  readonly fetchPage: (cursor: string | undefined) => Promise<P>;
  readonly refetchInterval?: number;
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
