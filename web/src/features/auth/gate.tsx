'use client';

import { useRouter } from 'next/navigation';
import { type ReactNode, useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { session, useSession } from '@/platform/session';
import { Button } from '@/ui/button';
import { Splash } from '@/ui/splash';

const RETRY_MS = 2_000;

/** Shows what is inside to who is signed in, and the way there to who is not. */
export function Gate({ children }: { children: ReactNode }) {
  const t = useTranslations('errors');
  const router = useRouter();
  const { status } = useSession();

  useEffect(() => {
    void session.start();
  }, []);

  useEffect(() => {
    if (status !== 'unreachable') return;
    const timer = setInterval(() => void session.start(), RETRY_MS);
    return () => clearInterval(timer);
  }, [status]);

  useEffect(() => {
    if (status !== 'signed-out') return;
    const here = window.location.pathname + window.location.search;
    router.replace(
      here === '/' || here === '/chat' ? '/login' : `/login?next=${encodeURIComponent(here)}`,
    );
  }, [status, router]);

  if (status === 'signed-in') return children;
  if (status === 'unreachable') {
    return (
      <Splash>
        <p className="font-medium">{t('unreachable.title')}</p>
        <p className="text-muted">{t('unreachable.retrying')}</p>
        <Button onClick={() => void session.start()}>{t('retryNow')}</Button>
      </Splash>
    );
  }
  return <Splash />;
}
