'use client';

import { useQuery } from '@tanstack/react-query';
import { ChartColumn } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { Unread, WorkspacePage } from '@/features/page';
import type { UsageReport, UsageTotals } from '@/platform/api/types';
import { Empty } from '@/ui/banner';
import { cx } from '@/ui/cx';
import { Segmented } from '@/ui/field';
import { useAmounts } from './amounts';
import { usageQuery } from './api';
import { Budgets } from './budgets';
import { Chart, DayTable } from './chart';
import {
  byDay,
  byModel,
  daysOf,
  MEASURES,
  type Measure,
  measured,
  RANGES,
  type Range,
} from './model';

const CARD = 'glass rounded-lg p-5 sm:p-6';

function Figures({ total }: { total: UsageTotals }) {
  const t = useTranslations('usage');
  const format = useFormatter();
  const amount = useAmounts();
  const figures = [
    { name: t('measure.requests'), value: format.number(total.requests) },
    { name: t('read'), value: format.number(total.input_tokens) },
    { name: t('written'), value: format.number(total.output_tokens) },
    { name: t('measure.cost'), value: amount(total.cost, 'cost') },
  ];
  return (
    <>
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        {figures.map(({ name, value }) => (
          <div key={name} className="glass rounded-md p-4">
            <dt className="text-muted text-sm">{name}</dt>
            <dd className="mt-1 font-semibold text-2xl tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {(total.unpriced_requests > 0 || total.errors > 0) && (
        <p className="text-muted text-sm">
          {total.unpriced_requests > 0 && t('unpriced', { count: total.unpriced_requests })}{' '}
          {total.errors > 0 && t('errors', { count: total.errors })}
        </p>
      )}
    </>
  );
}

function Models({ report }: { report: UsageReport }) {
  const t = useTranslations('usage');
  const amount = useAmounts();
  return (
    <section aria-labelledby="models" className={CARD}>
      <h2 id="models" className="font-semibold text-lg">
        {t('byModel')}
      </h2>
      <table className="mt-3 w-full text-sm">
        <thead className="text-muted text-xs">
          <tr>
            <th scope="col" className="py-2 text-start font-medium">
              {t('model')}
            </th>
            {MEASURES.map((measure) => (
              <th key={measure} scope="col" className="py-2 ps-4 text-end font-medium">
                {t(`measure.${measure}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {byModel(report.items).map(({ model, totals }) => (
            <tr key={model}>
              <th scope="row" className="break-all py-2.5 text-start font-mono font-normal">
                {model}
              </th>
              {MEASURES.map((measure) => (
                <td key={measure} className="py-2.5 ps-4 text-end tabular-nums">
                  {amount(measured(totals, measure), measure)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Report({ report, days }: { report: UsageReport; days: readonly string[] }) {
  const t = useTranslations('usage');
  const [measure, setMeasure] = useState<Measure>('tokens');
  if (report.total.requests === 0) {
    return (
      <Empty icon={<ChartColumn />} title={t('nothing')}>
        {t('nothingHelp')}
      </Empty>
    );
  }
  const used = byDay(report.items, days);
  return (
    <>
      <Figures total={report.total} />
      {days.length > 1 && (
        <section aria-labelledby="days" className={cx(CARD, 'flex flex-col gap-4')}>
          <div className="flex flex-col gap-3">
            <h2 id="days" className="font-semibold text-lg">
              {t('byDay')}
            </h2>
            <Segmented
              label={t('show')}
              value={measure}
              options={MEASURES.map((value) => ({ value, label: t(`measure.${value}`) }))}
              onChange={setMeasure}
            />
          </div>
          <Chart days={used} measure={measure} />
          <DayTable days={used} />
        </section>
      )}
      <Models report={report} />
    </>
  );
}

/** /usage */
export function UsagePage() {
  const t = useTranslations('usage');
  const [range, setRange] = useState<Range>('7');
  const days = daysOf(range, new Date());
  const today = days.at(-1) ?? '';
  const usage = useQuery(usageQuery(days[0] ?? today, today));
  return (
    <WorkspacePage title={t('title')} lead={t('lead')} width="wide">
      <Segmented
        label={t('time')}
        value={range}
        options={RANGES.map((value) => ({ value, label: t(`range.${value}`) }))}
        onChange={setRange}
      />
      {usage.isPending && <div className="h-96 animate-pulse-soft rounded-lg bg-hover" />}
      {usage.error && <Unread error={usage.error} onRetry={() => void usage.refetch()} />}
      {usage.data && (
        <div
          aria-busy={usage.isPlaceholderData}
          className={cx('flex flex-col gap-5', usage.isPlaceholderData && 'opacity-60')}
        >
          <Report report={usage.data} days={days} />
        </div>
      )}
      <Budgets />
    </WorkspacePage>
  );
}
