'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslations } from 'use-intl';
import { WorkspacePage } from '@/features/page';
import { Markdown } from '@/markdown';
import { useLocaleChoice } from '@/platform/i18n';
import { keys } from '@/platform/query/keys';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Spinner } from '@/ui/spinner';
import type { Chapter } from './chapter';
import { load } from './load';

function Chapters({ chapters }: { chapters: readonly Chapter[] }) {
  const t = useTranslations('guide');

  // The address may name a chapter that was not there when the page came.
  useEffect(() => {
    document.getElementById(window.location.hash.slice(1))?.scrollIntoView();
  }, []);

  return (
    <div className="flex flex-col gap-8 lg:grid lg:grid-cols-[13rem_minmax(0,1fr)] lg:items-start">
      <nav aria-label={t('contents')} className="glass rounded-lg p-4 lg:sticky lg:top-2">
        <ol className="flex flex-col gap-0.5 text-sm">
          {chapters.map(({ id, title }) => (
            <li key={id}>
              <a
                href={`#${id}`}
                className="block rounded-sm px-2.5 py-1.5 text-soft hover:bg-hover hover:text-text"
              >
                {title}
              </a>
            </li>
          ))}
        </ol>
      </nav>
      <div className="flex min-w-0 flex-col gap-9">
        {chapters.map(({ id, title, text }) => (
          <section key={id} aria-labelledby={id}>
            <h2 id={id} className="mb-3 scroll-mt-4 font-semibold text-xl tracking-tight">
              {title}
            </h2>
            <Markdown text={text} live={false} />
          </section>
        ))}
      </div>
    </div>
  );
}

/** /guide */
export function GuidePage() {
  const t = useTranslations('guide');
  const errors = useTranslations('errors');
  const common = useTranslations('common');
  const [locale] = useLocaleChoice();
  const guide = useQuery({
    queryKey: keys.guide(locale),
    queryFn: async () => (await load[locale]()).chapters,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <WorkspacePage title={t('title')} lead={t('lead')} width="wide">
      {guide.isPending && <Spinner />}
      {guide.error && (
        <Banner
          kind="danger"
          title={errors('unreachable.title')}
          action={
            <Button size="sm" onClick={() => void guide.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      )}
      {guide.data && <Chapters key={locale} chapters={guide.data} />}
    </WorkspacePage>
  );
}
