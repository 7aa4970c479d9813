'use client';

import { X } from 'lucide-react';
import { useTranslations } from 'use-intl';
import { useAccounts } from '@/features/admin-frame';
import { replaceQuery } from '@/platform/route';
import { Button } from '@/ui/button';
import { SelectField, TextField } from '@/ui/field';
import { ACTIONS, isAction, KINDS, OUTCOMES, textKey } from './actions';
import { type Filters, NO_FILTERS } from './filters';

/** How an act is called; one that has no name yet is called as the server calls it. */
export function useActionName() {
  const t = useTranslations('audit');
  return (action: string) => (isAction(action) ? t(`name.${textKey(action)}`) : action);
}

/** How a kind of thing is called. */
export function useKindName() {
  const t = useTranslations('audit');
  return (kind: string) => {
    const known = KINDS.find((candidate) => candidate === kind);
    return known ? t(`kind.${known}`) : kind;
  };
}

/** Puts all filters back. */
export function showAll(): void {
  replaceQuery({ ...NO_FILTERS });
}

/** What of the trail is shown. */
export function FilterBar({ filters }: { filters: Filters }) {
  const t = useTranslations('audit');
  const accounts = useAccounts();
  const actionName = useActionName();
  const kindName = useKindName();
  const change = (name: keyof Filters) => (event: { target: { value: string } }) =>
    replaceQuery({ [name]: event.target.value || null });
  return (
    <div className="flex flex-col gap-3 pb-4">
      <div className="grid grid-cols-2 items-end gap-3 lg:grid-cols-3">
        <SelectField label={t('action')} value={filters.action ?? ''} onChange={change('action')}>
          <option value="">{t('everything')}</option>
          {filters.action !== null && !isAction(filters.action) && (
            <option value={filters.action}>{filters.action}</option>
          )}
          {ACTIONS.map((known) => (
            <option key={known} value={known}>
              {actionName(known)}
            </option>
          ))}
        </SelectField>
        <SelectField label={t('who')} value={filters.user ?? ''} onChange={change('user')}>
          <option value="">{t('everyone')}</option>
          {filters.user !== null && !accounts.byId.has(filters.user) && (
            <option value={filters.user}>{t('unknownAccount')}</option>
          )}
          {accounts.all.map(({ id, display_name, email }) => (
            <option key={id} value={id}>
              {email ? `${display_name} (${email})` : display_name}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('outcomeLabel')}
          value={filters.outcome ?? ''}
          onChange={change('outcome')}
        >
          <option value="">{t('anyOutcome')}</option>
          {(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[]).map((outcome) => (
            <option key={outcome} value={outcome}>
              {t(`outcome.${outcome}`)}
            </option>
          ))}
        </SelectField>
        <SelectField
          label={t('what')}
          value={filters.kind ?? ''}
          onChange={(event) => replaceQuery({ kind: event.target.value || null, thing: null })}
        >
          <option value="">{t('anything')}</option>
          {filters.kind !== null && !KINDS.some((known) => known === filters.kind) && (
            <option value={filters.kind}>{filters.kind}</option>
          )}
          {KINDS.map((known) => (
            <option key={known} value={known}>
              {kindName(known)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('from')}
          type="date"
          value={filters.from ?? ''}
          max={filters.to ?? undefined}
          onChange={change('from')}
        />
        <TextField
          label={t('to')}
          type="date"
          value={filters.to ?? ''}
          min={filters.from ?? undefined}
          onChange={change('to')}
        />
      </div>
      {filters.thing !== null && (
        <p className="flex flex-wrap items-center gap-2 text-sm">
          <span className="min-w-0 break-all">
            {t('onlyThing', { kind: kindName(filters.kind ?? ''), id: filters.thing })}
          </span>
          <Button
            size="sm"
            kind="quiet"
            icon={<X className="size-4" />}
            onClick={() => replaceQuery({ thing: null })}
          >
            {t('notOnlyThing')}
          </Button>
        </p>
      )}
    </div>
  );
}
