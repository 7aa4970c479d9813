'use client';

import * as Radix from '@radix-ui/react-dialog';
import { ChevronLeft, ChevronRight, Download, Minus, Plus, Scan, X } from 'lucide-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';
import { useOpener } from '@/ui/opener';

/** A picture that the viewer shows. */
export interface Viewed {
  src: string;
  name: string;
}

const STEP = 1.5;
const SMALLEST = 0.1;
const LARGEST = 8;

/** Pictures over the whole window: to go through, zoom and save. */
export function Viewer({
  pictures,
  start,
  onClose,
}: {
  pictures: readonly Viewed[];
  start: number;
  onClose: () => void;
}) {
  const t = useTranslations('answer.picture');
  const format = useFormatter();
  const [index, setIndex] = useState(start);
  // Of the picture's own size; `null` fits it to the window.
  const [scale, setScale] = useState<number | null>(null);
  const image = useRef<HTMLImageElement>(null);
  const giveBack = useOpener(true);
  const picture = pictures[index];
  if (!picture) return null;

  const shown = () => (image.current ? image.current.width / image.current.naturalWidth : 1);
  const zoom = (factor: number) =>
    setScale(Math.min(LARGEST, Math.max(SMALLEST, shown() * factor)));
  const go = (by: number) => {
    const next = index + by;
    if (next < 0 || next >= pictures.length) return;
    setIndex(next);
    setScale(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Zoomed in, the arrows move the picture.
    const turn = scale === null ? { ArrowLeft: -1, ArrowRight: 1 } : {};
    const by = new Map(Object.entries(turn)).get(event.key);
    if (by !== undefined) go(by);
    else if (event.key === '+' || event.key === '=') zoom(STEP);
    else if (event.key === '-') zoom(1 / STEP);
    else if (event.key === '0') setScale(null);
    else return;
    event.preventDefault();
  };

  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Content
          data-modal=""
          aria-describedby={undefined}
          onKeyDown={onKeyDown}
          onCloseAutoFocus={giveBack}
          className="fixed inset-0 z-(--layer-dialog) flex animate-fade flex-col bg-bg focus:outline-none"
        >
          <div className="flex items-center gap-1 border-line border-b px-3 py-2 sm:px-4">
            <Radix.Title className="min-w-0 flex-1 truncate font-medium text-sm">
              {picture.name || t('viewer')}
            </Radix.Title>
            {pictures.length > 1 && (
              <p aria-live="polite" className="px-1 text-muted text-sm tabular-nums">
                <span className="sr-only">
                  {t('count', { index: index + 1, total: pictures.length })}
                </span>
                <span aria-hidden="true">
                  {format.number(index + 1)} / {format.number(pictures.length)}
                </span>
              </p>
            )}
            <IconButton label={t('zoomOut')} onClick={() => zoom(1 / STEP)}>
              <Minus className="size-4.5" />
            </IconButton>
            <button
              type="button"
              aria-label={t('fit')}
              title={t('fit')}
              aria-pressed={scale === null}
              onClick={() => setScale(null)}
              className="h-9 min-w-14 rounded-sm px-1 text-muted text-sm tabular-nums hover:bg-hover hover:text-text"
            >
              {scale === null ? (
                <Scan className="mx-auto size-4.5" />
              ) : (
                format.number(scale, { style: 'percent' })
              )}
            </button>
            <IconButton label={t('zoomIn')} onClick={() => zoom(STEP)}>
              <Plus className="size-4.5" />
            </IconButton>
            <a
              href={picture.src}
              download={picture.name || t('viewer')}
              aria-label={t('download')}
              title={t('download')}
              className="grid size-9 shrink-0 place-items-center rounded-sm text-soft hover:bg-hover hover:text-text"
            >
              <Download className="size-4.5" />
            </a>
            <Radix.Close asChild>
              <IconButton label={t('close')}>
                <X className="size-5" />
              </IconButton>
            </Radix.Close>
          </div>
          <div className="relative min-h-0 flex-1">
            <div
              className={cx(
                'flex h-full p-4',
                scale === null ? 'overflow-hidden' : 'overflow-auto',
              )}
              {...(scale === null ? {} : { tabIndex: 0 })}
            >
              <img
                ref={image}
                src={picture.src}
                alt={picture.name || t('viewer')}
                {...(scale !== null && {
                  style: { width: (image.current?.naturalWidth ?? 0) * scale },
                })}
                className={cx(
                  'm-auto rounded-xs',
                  scale === null ? 'max-h-full max-w-full object-contain' : 'max-w-none shrink-0',
                )}
              />
            </div>
            {pictures.length > 1 && (
              <>
                <Turn label={t('previous')} side="start" off={index === 0} onClick={() => go(-1)} />
                <Turn
                  label={t('next')}
                  side="end"
                  off={index === pictures.length - 1}
                  onClick={() => go(1)}
                />
              </>
            )}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Turn({
  label,
  side,
  off,
  onClick,
}: {
  label: string;
  side: 'start' | 'end';
  off: boolean;
  onClick: () => void;
}) {
  return (
    <IconButton
      label={label}
      size="lg"
      kind="plain"
      round
      // Not `disabled`: the focus would be lost at the last picture.
      aria-disabled={off}
      onClick={onClick}
      className={cx(
        'absolute top-1/2 -translate-y-1/2 bg-card shadow-card aria-disabled:opacity-40',
        side === 'start' ? 'left-3' : 'right-3',
      )}
    >
      {side === 'start' ? <ChevronLeft className="size-5" /> : <ChevronRight className="size-5" />}
    </IconButton>
  );
}
