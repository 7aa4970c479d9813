import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type { ModelList } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The models that one can ask. */
export const modelsQuery = queryOptions({
  queryKey: keys.models,
  queryFn: ({ signal }) => call<ModelList>('/models', { signal }),
});
