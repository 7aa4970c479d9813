'use client';

import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';

/** Why a page's data cannot be read, with a way to try again. */
export function Unread({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const common = useTranslations('common');
  const explain = useExplain();
  return (
    <Banner
      kind="danger"
      title={explain.error(error).title}
      action={
        <Button size="sm" onClick={onRetry}>
          {common('retry')}
        </Button>
      }
    />
  );
}
