'use client';

import { Search } from 'lucide-react';
import { useSearchParams } from 'next/navigation';
import { useEffect, useMemo, useState } from 'react';
import { useTranslations } from 'use-intl';
import { WorkspacePage } from '@/features/page';
import { Segmented } from '@/ui/field';
import { FILTERS, type HistoryView, isTurnedRound, readView, viewPath } from './filter';
import { Found, Listed } from './list';
import { NarrowingBar } from './narrowing';

const SETTLE_MS = 200;

function show(view: HistoryView): void {
  window.history.replaceState(null, '', viewPath(view));
}

/** /history */
export function HistoryPage() {
  const t = useTranslations('history');
  const params = useSearchParams();
  const view = useMemo(() => readView(params), [params]);
  const { text, filter } = view;
  const [typed, setTyped] = useState(text);
  const wanted = typed.trim();

  // The address follows what is typed, and the list follows the address.
  useEffect(() => {
    if (wanted === text) return;
    const timer = setTimeout(() => show({ ...view, text: wanted }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [wanted, text, view]);

  return (
    <WorkspacePage title={t('title')} lead={t('lead')}>
      <div className="flex flex-col gap-4">
        <div className="relative">
          <Search className="pointer-events-none absolute inset-y-0 start-3.5 my-auto size-4.5 text-muted" />
          <input
            type="search"
            aria-label={t('search')}
            placeholder={t('search')}
            value={typed}
            maxLength={200}
            onChange={(event) => setTyped(event.target.value)}
            className="h-12 w-full rounded-md border border-line-control bg-glass ps-11 pe-4 hover:border-muted focus:border-accent focus:outline-none"
          />
        </div>
        {text === '' ? (
          <>
            <Segmented
              label={t('show')}
              value={filter}
              options={FILTERS.map((value) => ({ value, label: t(`filter.${value}`) }))}
              onChange={(next) => show({ ...view, filter: next })}
            />
            <NarrowingBar view={view} onChange={(change) => show({ ...view, ...change })} />
            {!isTurnedRound(view) && <Listed view={view} />}
          </>
        ) : (
          <Found text={text} />
        )}
      </div>
    </WorkspacePage>
  );
}
