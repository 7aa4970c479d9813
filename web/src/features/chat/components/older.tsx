'use client';

import { useTranslations } from 'use-intl';
import { useExplain } from '@/platform/errors';
import { Button } from '@/ui/button';
import type { Older } from '../hooks';

/** The way to what stands above the messages that were read, in the room above the first. */
export function OlderMessages({ older }: { older: Older }) {
  const t = useTranslations('chat');
  const common = useTranslations('common');
  const explain = useExplain();
  return (
    <div className="absolute inset-x-0 top-0 flex h-16 items-center justify-center gap-3 px-4 text-muted text-sm">
      {older.error && <span role="status">{explain.error(older.error).title}</span>}
      <Button size="sm" kind="quiet" busy={older.busy} onClick={older.read}>
        {older.error ? common('retry') : t('older')}
      </Button>
    </div>
  );
}
