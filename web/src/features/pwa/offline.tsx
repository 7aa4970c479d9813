'use client';

import { useQuery } from '@tanstack/react-query';
import { Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { sendJson } from '@/platform/api/http';
import { readDrafts } from '@/platform/drafts';
import { copyText } from '@/platform/files';
import { keys } from '@/platform/query/keys';
import { Button, IconButton } from '@/ui/button';
import { Splash } from '@/ui/splash';
import { toast } from '@/ui/toast';

const ASK_MS = 3_000;

/** What was being written: kept in this browser, so it can be read here. */
function Drafts() {
  const t = useTranslations('pwa');
  const code = useTranslations('code');
  const [drafts] = useState(readDrafts);
  if (drafts.length === 0) return null;
  const copy = async (text: string) => {
    if (await copyText(text)) toast(code('copied'));
  };
  return (
    <section aria-labelledby="drafts" className="mt-6 w-full max-w-md text-start">
      <h2 id="drafts" className="font-medium">
        {t('drafts')}
      </h2>
      <p className="text-muted text-sm">{t('draftsHelp')}</p>
      <ul className="mt-2 flex max-h-72 flex-col gap-2 overflow-y-auto">
        {drafts.map(({ slot, text }) => (
          <li key={slot} className="flex items-start gap-2 rounded-md border border-line p-3">
            <p className="line-clamp-4 min-w-0 flex-1 whitespace-pre-wrap break-words text-sm">
              {text}
            </p>
            <IconButton label={code('copy')} size="sm" onClick={() => void copy(text)}>
              <Copy className="size-4" />
            </IconButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

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
      {!there && <Drafts />}
    </Splash>
  );
}
