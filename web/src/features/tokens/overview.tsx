'use client';

import { useFormatter, useTranslations } from 'use-intl';
import type { KeyUsage } from '@/platform/api/types';
import { Section } from '@/ui/section';
import { useKeyName } from './key';
import { errorsOf, type Span } from './model';

/** All keys beside each other. */
export function Overview({ items, span }: { items: readonly KeyUsage[]; span: Span }) {
  const t = useTranslations('tokens');
  const charts = useTranslations('charts');
  const format = useFormatter();
  const keyName = useKeyName();
  const columns = [t('requests'), t('errors'), t('read'), t('written')];
  return (
    <Section id="overview" title={t('overview')} lead={t('overviewLead')}>
      <section
        aria-label={charts('asTable')}
        tabIndex={0}
        className="scroll-quiet overflow-x-auto rounded-xs"
      >
        <table className="w-full min-w-lg text-sm">
          <thead className="text-muted text-xs">
            <tr>
              <th scope="col" className="py-2 pe-3 text-start font-medium">
                {t('key')}
              </th>
              {columns.map((name) => (
                <th key={name} scope="col" className="px-3 py-2 text-end font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {items.map((usage) => {
              const totals = span === 'hours' ? usage.last_day : usage.last_month;
              const values = [
                totals.requests,
                errorsOf(totals),
                totals.input_tokens,
                totals.output_tokens,
              ];
              return (
                <tr key={`${usage.node_id} ${usage.position} ${usage.last_four}`}>
                  <th scope="row" className="py-2.5 pe-3 text-start font-normal">
                    <span className="block font-medium">{usage.node_name || t('unnamed')}</span>
                    <span className="whitespace-nowrap text-muted text-xs">{keyName(usage)}</span>
                  </th>
                  {values.map((value, at) => (
                    <td key={columns[at]} className="px-3 py-2.5 text-end tabular-nums">
                      {format.number(value)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </Section>
  );
}
