'use client';

import { useQueries } from '@tanstack/react-query';
import { ImageOff, X } from 'lucide-react';
import { useTranslations } from 'use-intl';
import { PictureButton } from '@/markdown/picture';
import type { Attachment } from '@/platform/api/types';
import { blobQuery } from '../api';
import type { Picture } from '../outbox';

const FRAME = 'max-h-72 max-w-full rounded-md border border-line object-contain';

/** The pictures of a message, each a way into the viewer over all of them. */
export function Attachments({ attachments }: { attachments: readonly Attachment[] }) {
  const t = useTranslations('chat');
  const results = useQueries({ queries: attachments.map(({ id }) => blobQuery(id)) });
  if (attachments.length === 0) return null;
  const loaded = results.flatMap(({ data }) => data ?? []);
  const pictures = loaded.map((src, index) => ({
    src,
    name: loaded.length > 1 ? t('pictureNumber', { number: index + 1 }) : t('picture'),
  }));
  return (
    <div className="flex flex-wrap justify-end gap-2">
      {attachments.map(({ id }, position) => {
        const { data, error } = results[position] ?? {};
        if (error)
          return (
            <span
              key={id}
              className="flex items-center gap-2 rounded-md border border-line p-4 text-muted text-sm"
            >
              <ImageOff className="size-4" /> {t('pictureFailed')}
            </span>
          );
        if (!data)
          return <span key={id} className="size-40 animate-pulse-soft rounded-md bg-hover" />;
        const index = loaded.indexOf(data);
        return (
          <PictureButton
            key={id}
            src={data}
            name={pictures[index]?.name ?? t('picture')}
            className={FRAME}
            group={() => ({ pictures, index })}
          />
        );
      })}
    </div>
  );
}

/** Pictures that wait to be sent, each with a way to take it out. */
export function WaitingPictures({
  pictures,
  onRemove,
}: {
  pictures: readonly Picture[];
  onRemove?: (id: string) => void;
}) {
  const t = useTranslations('chat');
  if (pictures.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-2">
      {pictures.map((picture) => (
        <li key={picture.id} className="relative">
          <img
            src={picture.data}
            alt={picture.name || t('picture')}
            className="size-18 rounded-sm border border-line object-cover"
          />
          {onRemove && (
            <button
              type="button"
              aria-label={t('removePicture', { name: picture.name })}
              onClick={() => onRemove(picture.id)}
              className="absolute -end-1.5 -top-1.5 grid size-6 place-items-center rounded-full border border-line-strong bg-card hover:bg-raised"
            >
              <X className="size-3.5" />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
