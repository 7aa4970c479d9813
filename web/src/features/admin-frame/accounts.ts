'use client';

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import type { Account } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { itemsOf, pagesQuery, useEveryPage } from '@/platform/query/pages';

/** How long somebody must have stopped typing before it is looked for. */
const SETTLE_MS = 200;

/** Which accounts; what is `null` asks for nothing. */
export type AccountFilter = Record<'q' | 'role' | 'status', string | null>;

/** The accounts that fit, oldest first. */
export const accountsQuery = (filter: AccountFilter) =>
  pagesQuery<Account>(keys.accounts(filter), '/users', { query: filter });

/** A text when nobody has changed it for a moment. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** The first accounts in whose name or e-mail the words of a text occur. */
export function useFoundAccounts(text: string): Account[] {
  const q = useSettled(text.trim()) || null;
  const list = useInfiniteQuery({
    ...accountsQuery({ q, role: null, status: null }),
    placeholderData: keepPreviousData,
  });
  return list.data?.pages[0]?.items ?? [];
}

/** The account with an e-mail that somebody types; `null` while there is none. */
export function useAccountOf(email: string): Account | null {
  const wanted = email.trim().toLowerCase();
  const found = useFoundAccounts(email);
  return found.find((account) => account.email?.toLowerCase() === wanted) ?? null;
}

const allQuery = pagesQuery<Account>(keys.users, '/users', { limit: 100 });

/** Every account, for pages that name whoever comes up on them. */
export function useAccounts(): { all: Account[]; byId: ReadonlyMap<string, Account> } {
  const list = useInfiniteQuery(allQuery);
  useEveryPage(list, true);
  const { data } = list;
  return useMemo(() => {
    const all = itemsOf(data);
    return { all, byId: new Map(all.map((account) => [account.id, account])) };
  }, [data]);
}
