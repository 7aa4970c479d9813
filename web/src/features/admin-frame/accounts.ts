'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Account } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { itemsOf, pagesQuery, useEveryPage } from '@/platform/query/pages';

/** The accounts, oldest first. */
export const accountsQuery = pagesQuery<Account>(keys.users, '/users', { limit: 100 });

/** Every account: the server neither searches them nor gives a single one. */
export function useAccounts(): { all: Account[]; byId: ReadonlyMap<string, Account> } {
  const list = useInfiniteQuery(accountsQuery);
  useEveryPage(list, true);
  const { data } = list;
  return useMemo(() => {
    const all = itemsOf(data);
    return { all, byId: new Map(all.map((account) => [account.id, account])) };
  }, [data]);
}
