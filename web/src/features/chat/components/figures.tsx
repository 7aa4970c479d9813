'use client';

import { Info } from 'lucide-react';
import { useState } from 'react';
import { useFormatter, useTranslations } from 'use-intl';
import type { MessageMetrics } from '@/platform/api/types';
import { IconButton } from '@/ui/button';
import { Popover } from '@/ui/popover';

/** Tokens and time of an answer, on demand. */
export function Figures({
  metrics,
  model,
}: {
  metrics: MessageMetrics | null | undefined;
  model: string | null | undefined;
}) {
  const t = useTranslations('chat.figures');
  const format = useFormatter();
  const [open, setOpen] = useState(false);
  if (!metrics) return null;
  const seconds = (ms: number) =>
    `${format.number(ms / 1000, { maximumFractionDigits: ms < 10_000 ? 1 : 0 })} s`;
  const about = metrics.estimated ? '≈ ' : '';
  const rows: [string, string][] = [
    ...(model ? [[t('model'), model] as [string, string]] : []),
    [t('input'), about + format.number(metrics.input_tokens)],
    [t('output'), about + format.number(metrics.output_tokens)],
  ];
  if (metrics.first_token_ms != null) rows.push([t('first'), seconds(metrics.first_token_ms)]);
  if (metrics.response_time_ms != null) rows.push([t('total'), seconds(metrics.response_time_ms)]);
  if (metrics.tokens_per_second != null) {
    rows.push([
      t('speed'),
      t('perSecond', {
        count: format.number(metrics.tokens_per_second, { maximumFractionDigits: 1 }),
      }),
    ]);
  }
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={t('title')}
      trigger={
        <IconButton label={t('title')} size="sm">
          <Info className="size-4" />
        </IconButton>
      }
    >
      <dl className="grid grid-cols-[auto_auto] gap-x-6 gap-y-1.5 p-4 text-sm">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-end tabular-nums">{value}</dd>
          </div>
        ))}
        {metrics.estimated && <p className="col-span-2 text-muted text-xs">{t('estimated')}</p>}
      </dl>
    </Popover>
  );
}
