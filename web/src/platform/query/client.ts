import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from '../api/problem';
import { keys } from './keys';

function retry(failures: number, error: Error): boolean {
  if (error instanceof ApiProblem && error.status < 500 && error.status !== 429) return false;
  return failures < 3;
}

/** A query cache with our rules: only what may mend itself is tried again. */
export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: { retry, staleTime: 30_000, gcTime: 10 * 60_000, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
  // What was fetched as an object URL is held by the browser until it is given back.
  client.getQueryCache().subscribe(({ type, query }) => {
    const { data } = query.state;
    if (type !== 'removed' || query.queryKey[0] !== keys.foreignPictures[0]) return;
    if (typeof data === 'string') URL.revokeObjectURL(data);
  });
  return client;
}

/** The page's query cache. */
export const queryClient = createQueryClient();
