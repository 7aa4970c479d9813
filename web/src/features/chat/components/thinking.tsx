'use client';

import { ChevronRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { cx } from '@/ui/cx';

/** The seconds since a time, counted while something runs. */
function useSeconds(from: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (from === null) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [from]);
  return from === null ? 0 : Math.max(0, Math.round((now - from) / 1000));
}

/** What the model thought, folded, with how long that took. */
export function Thinking({
  text,
  since,
  tookMs,
}: {
  text: string;
  /** Since when it thinks; `null` when it is done. */
  since: number | null;
  tookMs: number | null;
}) {
  const t = useTranslations('chat.thinking');
  const seconds = useSeconds(since);
  const [open, setOpen] = useState(false);
  const took = tookMs === null ? null : Math.max(1, Math.round(tookMs / 1000));
  const label =
    since !== null
      ? t('now', { seconds })
      : took === null
        ? t('done')
        : t('took', { seconds: took });
  return (
    <div className="mb-3">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="inline-flex items-center gap-1.5 rounded-xs py-1 pe-2 text-muted text-sm hover:text-text"
      >
        <ChevronRight
          className={cx('size-4 transition-transform duration-150', open && 'rotate-90')}
        />
        <span className={cx(since !== null && 'animate-pulse-soft')}>{label}</span>
      </button>
      {open && (
        <div className="mt-1 animate-fade whitespace-pre-wrap border-line-strong border-s-2 ps-4 text-[0.9375rem] text-soft">
          {text}
        </div>
      )}
    </div>
  );
}
