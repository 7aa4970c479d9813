'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { sendJson } from '@/platform/api/http';
import { keys } from '@/platform/query/keys';
import { Button } from '@/ui/button';
import { Splash } from '@/ui/splash';

const ASK_MS = 3_000;

/**
 * /offline, and what stands at any address while the server does not answer:
 * then the page that was wanted comes by itself as soon as it can.
 */
export function OfflinePage() {
  const t = useTranslations('pwa');
  const server = useQuery({
    queryKey: keys.serverThere,
    queryFn: async ({ signal }) => {
      await sendJson('/api/v1/instance', { signal });
      return true;
    },
    retry: false,
    staleTime: 0,
    refetchInterval: ASK_MS,
  });
  const there = server.isSuccess && !server.isError;

  useEffect(() => {
    document.title = 'OpenMake';
    if (there && window.location.pathname !== '/offline') window.location.reload();
  }, [there]);

  return (
    <Splash>
      <h1 className="font-semibold text-2xl">{there ? t('online') : t('offline')}</h1>
      <p className="max-w-sm text-soft">{there ? t('onlineHelp') : t('offlineHelp')}</p>
      {there ? (
        <a
          href="/chat"
          className="gradient-fill rounded-sm px-4 py-2 font-medium hover:brightness-110"
        >
          {t('toChat')}
        </a>
      ) : (
        <Button busy={server.isFetching && server.isError} onClick={() => void server.refetch()}>
          {t('retry')}
        </Button>
      )}
    </Splash>
  );
}
