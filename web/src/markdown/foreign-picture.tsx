'use client';

import { useQuery } from '@tanstack/react-query';
import { ExternalLink, Image as ImageIcon, ImageOff } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { callRaw } from '@/platform/api/client';
import { ApiProblem } from '@/platform/api/problem';
import { useExplain } from '@/platform/errors';
import { keys } from '@/platform/query/keys';
import { Spinner } from '@/ui/spinner';
import { AnswerPicture } from './picture';

/** What would be said again. */
const FINAL: readonly string[] = [
  'image_address_invalid',
  'image_refused',
  'picture_too_large',
  'not_an_image',
];

/**
 * A picture from elsewhere: a request for it tells its host what was said, so
 * it waits for a click, and then the server fetches it without saying for whom.
 */
export function ForeignPicture({ address, name }: { address: string; name: string }) {
  const t = useTranslations('markdown');
  const common = useTranslations('common');
  const explain = useExplain();
  const [asked, setAsked] = useState(false);
  const picture = useQuery({
    queryKey: keys.foreignPicture(address),
    queryFn: async ({ signal }) => {
      const response = await callRaw('/images', {
        query: { url: address },
        headers: { accept: 'image/*' },
        signal,
      });
      return URL.createObjectURL(await response.blob());
    },
    enabled: asked,
    // Shown as it was fetched; the query cache gives the address back when it
    // forgets the picture.
    staleTime: 'static',
    retry: false,
  });
  const { host } = new URL(address);
  const label = name || t('image');

  if (picture.data) return <AnswerPicture src={picture.data} name={name} />;
  const said = picture.error ? explain.error(picture.error) : null;
  const final = picture.error instanceof ApiProblem && FINAL.includes(picture.error.problem.code);
  return (
    <span className="inline-flex max-w-full flex-wrap items-center gap-x-3 gap-y-1 my-0.5 rounded-sm border border-line bg-glass px-2.5 py-1.5 text-soft text-sm">
      <span className="inline-flex min-w-0 items-center gap-2">
        {picture.isFetching ? (
          <Spinner className="size-4 shrink-0" />
        ) : said ? (
          <ImageOff aria-hidden="true" className="size-4 shrink-0" />
        ) : (
          <ImageIcon aria-hidden="true" className="size-4 shrink-0" />
        )}
        <span role="status" className="min-w-0 break-words">
          {picture.isFetching
            ? t('pictureLoading', { host })
            : said
              ? t('pictureFailed', { label, why: said.title })
              : t('pictureFrom', { label, host })}
        </span>
      </span>
      <span className="inline-flex flex-wrap items-center gap-1">
        {!picture.isFetching && !final && (
          <button
            type="button"
            aria-label={t(said ? 'pictureRetry' : 'pictureShowLabel', { label, host })}
            onClick={() => {
              setAsked(true);
              if (said) void picture.refetch();
            }}
            className="rounded-xs px-1.5 py-0.5 font-medium text-accent-text hover:bg-hover"
          >
            {said ? common('retry') : t('pictureShow')}
          </button>
        )}
        <a
          href={address}
          title={address}
          target="_blank"
          rel="noopener noreferrer nofollow"
          className="inline-flex items-center gap-1 rounded-xs px-1.5 py-0.5"
        >
          {t('pictureOpen')}
          <ExternalLink aria-hidden="true" className="size-3.5" />
        </a>
      </span>
    </span>
  );
}
