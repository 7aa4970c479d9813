import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { OwnBudgets, UsageReport } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** One's own use between two days, both with it. */
export const usageQuery = (from: string, to: string) =>
  queryOptions({
    queryKey: keys.usage(from, to),
    queryFn: ({ signal }) => call<UsageReport>('/usage', { query: { from, to }, signal }),
    placeholderData: keepPreviousData,
    // It rises while one looks at it.
    refetchOnMount: 'always',
  });

/** The budgets that bind one's own calls. */
export const ownBudgetsQuery = queryOptions({
  queryKey: keys.ownBudgets,
  queryFn: async ({ signal }) => (await call<OwnBudgets>('/usage/budgets', { signal })).items,
  refetchOnMount: 'always',
});
