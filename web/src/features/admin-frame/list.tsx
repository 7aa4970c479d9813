'use client';

import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { Listing } from '@/ui/listing';

interface Read {
  isPending: boolean;
  error: Error | null;
  refetch: () => unknown;
}

interface ReadByPage extends Read {
  isFetchNextPageError: boolean;
  isFetchingNextPage: boolean;
  hasNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** What was read, as rows; or why there are none. */
export function AdminList({
  label,
  query,
  count,
  empty,
  children,
}: {
  label: string;
  query: Read | ReadByPage;
  count: number;
  empty: ReactNode;
  children: ReactNode;
}) {
  const t = useTranslations('admin');
  const common = useTranslations('common');
  const explain = useExplain();
  const paged = 'fetchNextPage' in query ? query : null;
  return (
    <Listing
      label={label}
      pending={query.isPending}
      problem={query.error ? explain.error(query.error).title : null}
      retryLabel={common('retry')}
      onRetry={() => void (paged?.isFetchNextPageError ? paged.fetchNextPage() : query.refetch())}
      more={
        paged?.hasNextPage
          ? { busy: paged.isFetchingNextPage, run: () => void paged.fetchNextPage() }
          : null
      }
      moreLabel={t('more')}
      empty={empty}
      isEmpty={count === 0}
    >
      {children}
    </Listing>
  );
}
