'use client';

import { Sparkles } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useTranslations } from 'use-intl';
import { Button } from '@/ui/button';
import { isWaiting, onWaiting, startWorker, takeUpdate } from './worker';

/** Says that a newer version is there; nothing reloads by itself. */
export function UpdatePrompt() {
  const t = useTranslations('pwa');
  const waiting = useSyncExternalStore(onWaiting, isWaiting, () => false);
  const [later, setLater] = useState(false);
  useEffect(startWorker, []);
  return (
    <div
      aria-live="polite"
      className="pointer-events-none fixed end-4 top-16 z-(--layer-toast) max-w-[calc(100vw-2rem)]"
    >
      {waiting && !later && (
        <div className="float pointer-events-auto flex animate-rise flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3 text-sm">
          <Sparkles className="size-4 shrink-0 text-accent-text" />
          <span className="me-2">{t('newVersion')}</span>
          <Button size="sm" kind="quiet" onClick={() => setLater(true)}>
            {t('later')}
          </Button>
          <Button size="sm" kind="primary" onClick={takeUpdate}>
            {t('reload')}
          </Button>
        </div>
      )}
    </div>
  );
}
