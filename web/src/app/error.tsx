'use client';

import { useTranslations } from 'use-intl';
import { Button } from '@/ui/button';
import { Splash } from '@/ui/splash';

export default function ErrorPage({ reset }: { error: Error; reset: () => void }) {
  const t = useTranslations('errors.page');
  return (
    <Splash>
      <h1 className="font-semibold text-2xl">{t('broken')}</h1>
      <p className="max-w-sm text-soft">{t('brokenHelp')}</p>
      <div className="flex gap-2">
        <Button onClick={reset}>{t('tryAgain')}</Button>
        <Button kind="primary" onClick={() => window.location.reload()}>
          {t('reload')}
        </Button>
      </div>
    </Splash>
  );
}
