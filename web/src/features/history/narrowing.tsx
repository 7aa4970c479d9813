'use client';

import { useId } from 'react';
import { useTranslations } from 'use-intl';
import type { ConversationSort } from '@/platform/api/types';
import { Button } from '@/ui/button';
import { SelectField, TextField } from '@/ui/field';
import { type HistoryView, isTurnedRound, SORTS, WHOLE } from './filter';

/** The order of the list, and which part of it. */
export function NarrowingBar({
  view,
  onChange,
}: {
  view: HistoryView;
  onChange: (change: Partial<HistoryView>) => void;
}) {
  const t = useTranslations('lists');
  const pinned = useId();
  const narrowed = view.pinned || view.from !== '' || view.to !== '' || view.sort !== 'recent';
  return (
    <fieldset className="grid grid-cols-2 items-start gap-3 sm:grid-cols-[1.4fr_1fr_1fr_auto]">
      <legend className="sr-only">{t('narrow')}</legend>
      <div className="max-sm:col-span-2">
        <SelectField
          label={t('sort')}
          value={view.sort}
          onChange={(event) => onChange({ sort: event.target.value as ConversationSort })}
        >
          {SORTS.map((sort) => (
            <option key={sort} value={sort}>
              {t(`sorts.${sort}`)}
            </option>
          ))}
        </SelectField>
      </div>
      <TextField
        type="date"
        label={t('from')}
        value={view.from}
        max={view.to || undefined}
        error={isTurnedRound(view) ? t('turnedRound') : null}
        onChange={(event) => onChange({ from: event.target.value })}
      />
      <TextField
        type="date"
        label={t('to')}
        value={view.to}
        min={view.from || undefined}
        onChange={(event) => onChange({ to: event.target.value })}
      />
      <div className="flex min-h-11 items-center gap-4 max-sm:col-span-2 sm:mt-6.5">
        <label htmlFor={pinned} className="flex cursor-pointer items-center gap-2.5 text-sm">
          <input
            id={pinned}
            type="checkbox"
            className="size-4.5 accent-accent"
            checked={view.pinned}
            onChange={(event) => onChange({ pinned: event.target.checked })}
          />
          {t('pinned')}
        </label>
        {/* Always there, so that nothing moves when it can be used. */}
        <Button size="sm" kind="quiet" disabled={!narrowed} onClick={() => onChange(WHOLE)}>
          {t('clear')}
        </Button>
      </div>
    </fieldset>
  );
}
