import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { Limit, SetLimit } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

interface LimitList {
  items: Limit[];
}

/** Every limit that can be set. */
export const limitsQuery = queryOptions({
  queryKey: keys.limits,
  queryFn: ({ signal }) => call<LimitList>('/limits', { signal }),
});

/** Sets limits; `null` is as configured. */
export const updateLimits = (limits: readonly SetLimit[]) =>
  call<LimitList>('/limits', { method: 'PATCH', body: { limits } });
