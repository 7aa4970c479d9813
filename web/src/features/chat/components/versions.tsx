'use client';

import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useTranslations } from 'use-intl';
import type { Message } from '@/platform/api/types';
import { IconButton } from '@/ui/button';

/** Moves between the versions of a message: ‹ 2/3 ›. */
export function Versions({
  message,
  all,
  onShow,
}: {
  message: Message;
  all: readonly Message[];
  onShow: (id: string) => void;
}) {
  const t = useTranslations('chat');
  if (all.length < 2) return null;
  const index = all.findIndex(({ id }) => id === message.id);
  const before = all[index - 1];
  const after = all[index + 1];
  return (
    // biome-ignore lint/a11y/useSemanticElements: two buttons and a number are no fieldset
    <div role="group" aria-label={t('versions')} className="flex items-center text-muted text-sm">
      <IconButton
        label={t('previousVersion')}
        size="sm"
        disabled={!before}
        onClick={() => before && onShow(before.id)}
      >
        <ChevronLeft className="size-4" />
      </IconButton>
      <span className="tabular-nums">
        {index + 1}/{all.length}
      </span>
      <IconButton
        label={t('nextVersion')}
        size="sm"
        disabled={!after}
        onClick={() => after && onShow(after.id)}
      >
        <ChevronRight className="size-4" />
      </IconButton>
    </div>
  );
}
