import { call } from '@/platform/api/client';
import type { Budget, BudgetSubject, CreateBudget } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { pagesQuery } from '@/platform/query/pages';

/** Budgets with what was used of them; of one kind of subject, or all. */
export const budgetsQuery = (subject: BudgetSubject | null) =>
  pagesQuery<Budget>(keys.budgets(subject), '/budgets', { query: { subject } });

/** Makes a budget. */
export const createBudget = (body: CreateBudget) =>
  call<Budget>('/budgets', { method: 'POST', body });

/** Sets another limit, which holds within a second. */
export const setLimit = ({ id, limit }: { id: string; limit: number }) =>
  call<Budget>(`/budgets/${id}`, { method: 'PATCH', body: { limit } });

/** Removes a budget, and forgets what was used of it. */
export const removeBudget = (id: string) => call<void>(`/budgets/${id}`, { method: 'DELETE' });
