'use client';

import { QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, Suspense, useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { UpdatePrompt } from '@/features/pwa';
import { I18nProvider } from '@/platform/i18n';
import { queryClient } from '@/platform/query/client';
import { followTheme } from '@/platform/theme';
import { Splash } from '@/ui/splash';
import { Toaster } from '@/ui/toast';

function Toasts() {
  const t = useTranslations('common');
  return <Toaster closeLabel={t('close')} />;
}

/** What every page stands on. */
export function Providers({ children }: { children: ReactNode }) {
  useEffect(followTheme, []);
  return (
    <QueryClientProvider client={queryClient}>
      <I18nProvider fallback={<Splash />}>
        <Suspense fallback={<Splash />}>{children}</Suspense>
        <UpdatePrompt />
        <Toasts />
      </I18nProvider>
    </QueryClientProvider>
  );
}
