'use client';

import { Pencil, Trash2 } from 'lucide-react';
import { useFormatter, useTranslations } from 'use-intl';
import { fromMicro, MONEY } from '@/features/admin-frame';
import type { Budget } from '@/platform/api/types';
import { Badge } from '@/ui/badge';
import { IconButton } from '@/ui/button';
import { cx } from '@/ui/cx';

/** An amount of what a budget counts, as people read it. */
function useAmount(): (budget: Budget, amount: number) => string {
  const t = useTranslations('admin.budgets');
  const format = useFormatter();
  return ({ unit }, amount) =>
    unit === 'money' ? format.number(fromMicro(amount), MONEY) : t('tokens', { count: amount });
}

/** One budget, and how far it is used. */
export function BudgetRow({
  budget,
  name,
  onEdit,
  onRemove,
}: {
  budget: Budget;
  name: string;
  onEdit: () => void;
  onRemove: () => void;
}) {
  const t = useTranslations('admin.budgets');
  const format = useFormatter();
  const amount = useAmount();
  const full = budget.spent >= budget.limit;
  const near = !full && budget.spent >= budget.limit * 0.8;
  return (
    <li className="flex flex-col gap-2 py-4">
      <div className="flex items-center gap-2">
        <p className="flex min-w-0 flex-1 flex-wrap items-center gap-x-2 gap-y-1 font-medium text-sm">
          <span className="min-w-0 truncate">{name}</span>
          <Badge>{t(`subject.${budget.subject}`)}</Badge>
          {full && <Badge kind="danger">{t('full')}</Badge>}
          {near && <Badge kind="warning">{t('near')}</Badge>}
        </p>
        <IconButton size="sm" label={t('edit', { name })} onClick={onEdit}>
          <Pencil className="size-4" />
        </IconButton>
        <IconButton size="sm" label={t('delete', { name })} onClick={onRemove}>
          <Trash2 className="size-4" />
        </IconButton>
      </div>
      <progress
        aria-label={t('usedOf', { name })}
        // Nothing of nothing is all of it.
        value={full ? 1 : budget.spent}
        max={full ? 1 : budget.limit}
        className={cx(
          'h-1.5 w-full appearance-none overflow-hidden rounded-full bg-raised [&::-webkit-progress-bar]:bg-raised',
          full
            ? '[&::-moz-progress-bar]:bg-danger [&::-webkit-progress-value]:bg-danger'
            : near
              ? '[&::-moz-progress-bar]:bg-warning [&::-webkit-progress-value]:bg-warning'
              : '[&::-moz-progress-bar]:bg-accent [&::-webkit-progress-value]:bg-accent',
        )}
      />
      <p className="flex flex-wrap justify-between gap-x-4 text-muted text-xs">
        <span>
          {t(`used.${budget.period}`, {
            spent: amount(budget, budget.spent),
            limit: amount(budget, budget.limit),
          })}
          {budget.reserved > 0 && ` · ${t('reserved', { held: amount(budget, budget.reserved) })}`}
        </span>
        <span>
          {t('renews', {
            when: format.dateTime(new Date(budget.renews_at), {
              dateStyle: 'medium',
              timeStyle: 'short',
            }),
          })}
        </span>
      </p>
    </li>
  );
}
