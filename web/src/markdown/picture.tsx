'use client';

import { lazy, type MouseEvent, Suspense, useState } from 'react';
import { useTranslations } from 'use-intl';
import type { Viewed } from './viewer';

const Viewer = lazy(() => import('./viewer').then(({ Viewer }) => ({ default: Viewer })));

/** A picture that opens a viewer over all that `group` names. */
export function PictureButton({
  src,
  name,
  className,
  group,
}: {
  src: string;
  name: string;
  className: string;
  /** The pictures to go through, and which of them this one is. */
  group: (button: HTMLElement) => { pictures: readonly Viewed[]; index: number };
}) {
  const t = useTranslations('answer.picture');
  const markdown = useTranslations('markdown');
  const [open, setOpen] = useState<{ pictures: readonly Viewed[]; index: number } | null>(null);
  const label = name || markdown('image');
  return (
    <>
      <button
        type="button"
        aria-label={t('open', { name: label })}
        aria-haspopup="dialog"
        onClick={(event: MouseEvent<HTMLButtonElement>) => setOpen(group(event.currentTarget))}
        className="inline-block max-w-full cursor-zoom-in rounded-md align-top"
      >
        <img src={src} alt={label} className={className} />
      </button>
      {open && (
        <Suspense fallback={null}>
          <Viewer pictures={open.pictures} start={open.index} onClose={() => setOpen(null)} />
        </Suspense>
      )}
    </>
  );
}

/** The pictures of the answer that a picture stands in. */
function siblings(button: HTMLElement): { pictures: Viewed[]; index: number } {
  const images = [...(button.closest('.md') ?? button).querySelectorAll('img')];
  return {
    pictures: images.map(({ src, alt }) => ({ src, name: alt })),
    index: Math.max(
      0,
      images.findIndex((image) => button.contains(image)),
    ),
  };
}

/** A picture within an answer. */
export function AnswerPicture({ src, name }: { src: string; name: string }) {
  return <PictureButton src={src} name={name} className="max-w-full rounded-md" group={siblings} />;
}
