'use client';

import { useQuery } from '@tanstack/react-query';
import { useFormatter, useTranslations } from 'use-intl';
import { apiKeysQuery } from '@/features/api-keys';
import type { Budget } from '@/platform/api/types';
import { useExplain } from '@/platform/errors';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Spinner } from '@/ui/spinner';
import { useAmounts } from './amounts';
import { ownBudgetsQuery } from './api';

/** From here on a budget is nearly used up. */
const NEARLY = 0.8;

function BudgetRow({ budget, keyName }: { budget: Budget; keyName: string | null }) {
  const t = useTranslations('usage');
  const format = useFormatter();
  const amount = useAmounts();
  const measure = budget.unit === 'money' ? 'cost' : 'tokens';
  const used = budget.limit - budget.remaining;
  const share = budget.limit === 0 ? 1 : Math.min(used / budget.limit, 1);
  return (
    <li className="flex flex-col gap-1.5 py-3">
      <p className="flex flex-wrap justify-between gap-x-4 text-sm">
        <span className="font-medium">
          {keyName === null
            ? t(`budget.${budget.subject}`)
            : t('budget.namedKey', { name: keyName })}
          <span className="font-normal text-muted"> · {t(`period.${budget.period}`)}</span>
        </span>
        <span className="tabular-nums">
          {t(`left.${budget.unit}`, {
            left: amount(budget.remaining, measure),
            limit: amount(budget.limit, measure),
          })}
        </span>
      </p>
      <svg aria-hidden="true" className="h-2 w-full rounded-full bg-hover">
        <rect
          width={`${share * 100}%`}
          height="100%"
          className={cx(
            share >= 1 ? 'fill-danger' : share >= NEARLY ? 'fill-warning' : 'fill-accent',
          )}
        />
      </svg>
      <p className="text-muted text-xs">
        {t('renews', {
          when: format.dateTime(new Date(budget.renews_at), {
            dateStyle: 'medium',
            timeStyle: 'short',
          }),
        })}
      </p>
    </li>
  );
}

/** What binds one's calls, and how much is left of it. */
export function Budgets() {
  const t = useTranslations('usage');
  const common = useTranslations('common');
  const explain = useExplain();
  const budgets = useQuery(ownBudgetsQuery);
  const ofKeys = budgets.data?.some(({ subject }) => subject === 'key') === true;
  const names = useQuery({ ...apiKeysQuery, enabled: ofKeys });
  return (
    <section aria-labelledby="budgets" className="glass rounded-lg p-5 sm:p-6">
      <h2 id="budgets" className="font-semibold text-lg">
        {t('budgets')}
      </h2>
      {budgets.isPending && <Spinner />}
      {budgets.error && (
        <Banner
          kind="danger"
          title={explain.error(budgets.error).title}
          action={
            <Button size="sm" onClick={() => void budgets.refetch()}>
              {common('retry')}
            </Button>
          }
        />
      )}
      {budgets.data?.length === 0 && <p className="mt-1 text-muted text-sm">{t('noBudgets')}</p>}
      <ul className="divide-y divide-line">
        {budgets.data?.map((budget) => (
          <BudgetRow
            key={budget.id}
            budget={budget}
            keyName={names.data?.find(({ id }) => id === budget.subject_id)?.name ?? null}
          />
        ))}
      </ul>
    </section>
  );
}
