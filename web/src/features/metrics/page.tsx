'use client';

import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import { Activity, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import { AdminPage } from '@/features/admin-frame';
import { Unread } from '@/features/page';
import { call } from '@/platform/api/client';
import type { MetricsReport } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { Empty } from '@/ui/banner';
import { Button } from '@/ui/button';
import { cx } from '@/ui/cx';
import { Segmented } from '@/ui/field';
import { Charts } from './charts';
import { Health } from './health';
import { beginOf, RANGES, type Range } from './model';

/** The server writes a minute down many times; more often there is little new. */
const REFRESH_MS = 60_000;

const metricsQuery = (range: Range) =>
  queryOptions({
    queryKey: keys.metrics(range),
    queryFn: ({ signal }) =>
      call<MetricsReport>('/admin/metrics', {
        query: { from: beginOf(range, new Date()) },
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
    refetchOnMount: 'always',
  });

function Report({ report }: { report: MetricsReport }) {
  const t = useTranslations('metrics');
  const format = useFormatter();
  return (
    <>
      <Health health={report.health} />
      {report.points.length === 0 ? (
        <section className="glass rounded-lg">
          <Empty icon={<Activity />} title={t('none')}>
            {report.first_at ? t('noneInRange') : t('noneYet')}
          </Empty>
        </section>
      ) : (
        <Charts report={report} />
      )}
      {report.first_at && (
        <p className="text-muted text-sm">
          {t('since', {
            when: format.dateTime(new Date(report.first_at), {
              dateStyle: 'medium',
              timeStyle: 'short',
            }),
          })}
        </p>
      )}
    </>
  );
}

function Metrics() {
  const t = useTranslations('metrics');
  const [range, setRange] = useState<Range>('1');
  const metrics = useQuery(metricsQuery(range));
  return (
    <>
      <div className="flex flex-wrap items-end justify-between gap-3">
        <Segmented
          label={t('time')}
          value={range}
          options={RANGES.map((value) => ({ value, label: t(`range.${value}`) }))}
          onChange={setRange}
        />
        <Button
          icon={<RefreshCw className="size-4" />}
          busy={metrics.isFetching && !metrics.isPending}
          onClick={() => void metrics.refetch()}
        >
          {t('refresh')}
        </Button>
      </div>
      {metrics.isPending && <div className="h-96 animate-pulse-soft rounded-lg bg-hover" />}
      {metrics.error && <Unread error={metrics.error} onRetry={() => void metrics.refetch()} />}
      {metrics.data && (
        <div
          aria-busy={metrics.isPlaceholderData}
          className={cx('flex flex-col gap-5', metrics.isPlaceholderData && 'opacity-60')}
        >
          <Report report={metrics.data} />
        </div>
      )}
    </>
  );
}

/** /admin-metrics */
export function MetricsPage() {
  return (
    <AdminPage place="metrics">
      <Metrics />
    </AdminPage>
  );
}
