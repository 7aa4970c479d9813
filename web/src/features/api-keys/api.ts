import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { ApiKey, CreateApiKey, CreatedApiKey, Page, UpdateApiKey } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** One's keys, newest first. */
export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  queryFn: async ({ signal }) =>
    (await call<Page<ApiKey>>('/api-keys', { query: { limit: 200 }, signal })).items,
});

/** Makes a key; it is shown this once. */
export const createApiKey = (body: CreateApiKey) =>
  call<CreatedApiKey>('/api-keys', { method: 'POST', body });

/** Changes what a key may do. */
export const updateApiKey = (change: { id: string; body: UpdateApiKey }) =>
  call<ApiKey>(`/api-keys/${change.id}`, { method: 'PATCH', body: change.body });

/** Gives a key another secret; the one before ends at once. */
export const rotateApiKey = (id: string) =>
  call<CreatedApiKey>(`/api-keys/${id}/rotate`, { method: 'POST' });

/** Takes a key back for good. */
export const revokeApiKey = (id: string) => call<void>(`/api-keys/${id}`, { method: 'DELETE' });
