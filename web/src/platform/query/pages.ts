import { type InfiniteData, infiniteQueryOptions } from '@tanstack/react-query';
import { useEffect } from 'react';
import { call } from '../api/client';
import type { Page } from '../api/types';

/** A list that the server gives page by page. */
export const pagesQuery = <T>(
  queryKey: readonly unknown[],
  path: string,
  { query = {}, limit = 50 }: { query?: Record<string, string | null>; limit?: number } = {},
) =>
  infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      call<Page<T>>(path, { query: { ...query, cursor: pageParam, limit }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  });

/** What was read of such a list so far. */
export function itemsOf<T>(data: InfiniteData<Page<T>, unknown> | undefined): T[] {
  return data?.pages.flatMap(({ items }) => items) ?? [];
}

/** Reads such a list to its end, while that is wanted. */
export function useEveryPage(
  list: {
    hasNextPage: boolean;
    isFetching: boolean;
    isError: boolean;
    fetchNextPage: () => unknown;
  },
  wanted: boolean,
): void {
  const { hasNextPage, isFetching, isError, fetchNextPage } = list;
  useEffect(() => {
    if (wanted && hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [wanted, hasNextPage, isFetching, isError, fetchNextPage]);
}
