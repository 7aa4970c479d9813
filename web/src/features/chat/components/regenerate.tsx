'use client';

import { useQuery } from '@tanstack/react-query';
import { RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { ModelList, modelsQuery } from '@/features/models';
import { IconButton } from '@/ui/button';
import { Popover } from '@/ui/popover';

/** Asks again: the same model, or another. */
export function Regenerate({ onRegenerate }: { onRegenerate: (model: string | null) => void }) {
  const t = useTranslations('chat');
  const { data } = useQuery(modelsQuery);
  const [open, setOpen] = useState(false);
  const choose = (model: string | null) => {
    setOpen(false);
    onRegenerate(model);
  };
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={t('regenerate')}
      side="top"
      trigger={
        <IconButton label={t('regenerate')} size="sm">
          <RefreshCw className="size-4" />
        </IconButton>
      }
    >
      <div className="border-line border-b p-1.5">
        <button
          type="button"
          onClick={() => choose(null)}
          className="flex w-full items-center gap-2.5 rounded-sm px-3 py-2 text-sm hover:bg-hover"
        >
          <RefreshCw className="size-4 text-accent-text" />
          {t('regenerateSame')}
        </button>
      </div>
      <ModelList models={data?.items ?? []} value={null} onChoose={choose} />
    </Popover>
  );
}
