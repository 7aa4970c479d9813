'use client';

import { useFormatter, useTranslations } from 'use-intl';
import { Chart, type Series } from '@/features/charts';
import type { KeyUsage, KeyUsagePoint, NodeUsageReport } from '@/platform/api/types';
import { Badge } from '@/ui/badge';
import { errorsOf, type Span, stepsOf } from './model';

function useMoment() {
  const format = useFormatter();
  return (at: string) => format.dateTime(new Date(at), { dateStyle: 'short', timeStyle: 'medium' });
}

/** How a key is called: by its place and its last characters, never by itself. */
export function useKeyName() {
  const t = useTranslations('tokens');
  return ({ position, last_four }: KeyUsage) => {
    if (position === null || position === undefined) return t('noKey');
    return last_four === ''
      ? t('keyAt', { position })
      : t('keyEnding', { position, lastFour: last_four });
  };
}

function State({ usage }: { usage: KeyUsage }) {
  const t = useTranslations('tokens');
  const moment = useMoment();
  if (!usage.present) return <Badge>{t('gone')}</Badge>;
  if (usage.cooldown_until) {
    const when = moment(usage.cooldown_until);
    return usage.cooldown_reason === 'refused' ? (
      <Badge kind="danger">{t('refusedUntil', { when })}</Badge>
    ) : (
      <Badge kind="warning">{t('limitedUntil', { when })}</Badge>
    );
  }
  return <Badge kind="success">{t('ready')}</Badge>;
}

function Facts({ usage, span }: { usage: KeyUsage; span: Span }) {
  const t = useTranslations('tokens');
  const format = useFormatter();
  const totals = span === 'hours' ? usage.last_day : usage.last_month;
  const facts = [
    [t('requests'), totals.requests],
    [t('read'), totals.input_tokens],
    [t('written'), totals.output_tokens],
    [t('unauthorized'), totals.unauthorized],
    [t('rateLimited'), totals.rate_limited],
    [t('serverErrors'), totals.server_errors],
    [t('otherErrors'), totals.other_errors],
  ] as const;
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-4">
      {facts.map(([name, value]) => (
        <div key={name} className="flex flex-col-reverse justify-end">
          <dt className="text-muted text-xs">{name}</dt>
          <dd className="font-semibold text-lg tabular-nums">{format.number(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Limits({ limits }: { limits: NonNullable<KeyUsage['limits']> }) {
  const t = useTranslations('tokens');
  const format = useFormatter();
  const moment = useMoment();
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? '?' : format.number(value);
  return (
    <div className="text-sm">
      <p className="text-muted text-xs">{t('limitsSaid', { when: moment(limits.said_at) })}</p>
      <ul className="mt-1 flex flex-col gap-0.5">
        {(['requests', 'tokens'] as const).map((what) => {
          const limit = limits[what];
          if (!limit) return null;
          const values = { left: number(limit.remaining), limit: number(limit.limit) };
          return (
            <li key={what} className="tabular-nums">
              {t(`left.${what}`, values)}
              {limit.resets_at && (
                <span className="text-muted">
                  {' '}
                  · {t('resets', { when: moment(limit.resets_at) })}
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** One key of one model server: what was asked with it, and how it is. */
export function KeyCard({
  report,
  usage,
  span,
}: {
  report: NodeUsageReport;
  usage: KeyUsage;
  span: Span;
}) {
  const t = useTranslations('tokens');
  const format = useFormatter();
  const moment = useMoment();
  const keyName = useKeyName();
  const steps = stepsOf(report, usage, span);
  const times = steps.map(({ at }) =>
    span === 'hours'
      ? format.dateTime(at, { hour: '2-digit', minute: '2-digit' })
      : format.dateTime(at, { month: 'short', day: 'numeric', timeZone: 'UTC' }),
  );
  const one = (
    name: string,
    tone: Series['tone'],
    value: (point: KeyUsagePoint) => number,
  ): Series => ({ name, tone, values: steps.map(({ point }) => (point ? value(point) : 0)) });
  const name = `${usage.node_name || t('unnamed')} · ${keyName(usage)}`;
  return (
    <li className="glass flex flex-col gap-4 rounded-lg p-5 sm:p-6">
      <div>
        <h2 className="flex flex-wrap items-center gap-x-3 gap-y-1 break-words font-semibold">
          {name}
          <State usage={usage} />
        </h2>
        <p className="mt-0.5 text-muted text-sm">
          {usage.last_used_at
            ? t('lastUsed', { when: moment(usage.last_used_at) })
            : t('neverUsed')}
        </p>
      </div>
      <Facts usage={usage} span={span} />
      {usage.limits && <Limits limits={usage.limits} />}
      <div className="grid gap-4 lg:grid-cols-2">
        <Chart
          title={t('requests')}
          note={t(`each.${span}`)}
          kind="bars"
          times={times}
          format={(value) => format.number(value)}
          series={[
            one(t('succeeded'), 'accent', ({ succeeded }) => succeeded),
            one(t('errors'), 'danger', errorsOf),
          ]}
        />
        <Chart
          title={t('tokens')}
          note={t(`each.${span}`)}
          kind="bars"
          times={times}
          format={(value) => format.number(value)}
          series={[
            one(t('read'), 'accent', ({ input_tokens }) => input_tokens),
            one(t('written'), 'success', ({ output_tokens }) => output_tokens),
          ]}
        />
      </div>
    </li>
  );
}
