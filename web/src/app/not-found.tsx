'use client';

import Link from 'next/link';
import { useTranslations } from 'use-intl';
import { Splash } from '@/ui/splash';

export default function NotFound() {
  const t = useTranslations('errors.page');
  return (
    <Splash>
      <h1 className="font-semibold text-2xl">{t('notFound')}</h1>
      <p className="max-w-sm text-soft">{t('notFoundHelp')}</p>
      <Link
        href="/chat"
        className="gradient-fill rounded-sm px-4 py-2 font-medium hover:brightness-110"
      >
        {t('home')}
      </Link>
    </Splash>
  );
}
