import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from '../api/problem';

function retry(failures: number, error: Error): boolean {
  if (error instanceof ApiProblem && error.status < 500 && error.status !== 429) return false;
  return failures < 3;
}

/** A query cache with our rules: only what may mend itself is tried again. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry, staleTime: 30_000, gcTime: 10 * 60_000, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}

/** The page's query cache. */
export const queryClient = createQueryClient();
