'use client';

import { queryOptions, useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { AdminPage } from '@/features/admin-frame';
import { Unread } from '@/features/page';
import { call } from '@/platform/api/client';
import type { NodeUsageReport } from '@/platform/api/types';
import { keys } from '@/platform/query/keys';
import { PageLink } from '@/platform/route';
import { Empty } from '@/ui/banner';
import { Segmented } from '@/ui/field';
import { KeyCard } from './key';
import { SPANS, type Span } from './model';
import { Overview } from './overview';

/** The server writes down what was asked every ten seconds. */
const REFRESH_MS = 10_000;

const usageQuery = queryOptions({
  queryKey: keys.keyUsage,
  queryFn: ({ signal }) => call<NodeUsageReport>('/nodes/usage', { signal }),
  refetchInterval: REFRESH_MS,
  refetchOnMount: 'always',
});

function Keys({ report, span }: { report: NodeUsageReport; span: Span }) {
  const t = useTranslations('tokens');
  if (report.items.length === 0) {
    return (
      <section className="glass rounded-lg">
        <Empty icon={<KeyRound />} title={t('none')}>
          <PageLink href="/cluster" className="text-accent-text underline">
            {t('connect')}
          </PageLink>
        </Empty>
      </section>
    );
  }
  return (
    <>
      <Overview items={report.items} span={span} />
      <ul aria-label={t('keys')} className="flex flex-col gap-5">
        {report.items.map((usage) => (
          <KeyCard
            key={`${usage.node_id} ${usage.position} ${usage.last_four}`}
            report={report}
            usage={usage}
            span={span}
          />
        ))}
      </ul>
      <p className="text-muted text-sm">{t('note')}</p>
    </>
  );
}

function Tokens() {
  const t = useTranslations('tokens');
  const [span, setSpan] = useState<Span>('hours');
  const usage = useQuery(usageQuery);
  return (
    <>
      <Segmented
        label={t('time')}
        value={span}
        options={SPANS.map((value) => ({ value, label: t(`span.${value}`) }))}
        onChange={setSpan}
      />
      {usage.isPending && <div className="h-96 animate-pulse-soft rounded-lg bg-hover" />}
      {usage.error && <Unread error={usage.error} onRetry={() => void usage.refetch()} />}
      {usage.data && <Keys report={usage.data} span={span} />}
    </>
  );
}

/** /token-monitoring */
export function TokensPage() {
  return (
    <AdminPage place="tokens">
      <Tokens />
    </AdminPage>
  );
}
