'use client';

import { useFormatter, useTranslations } from 'use-intl';
import { Chart, type Series } from '@/features/charts';
import type { MetricPoint, MetricsReport } from '@/platform/api/types';
import { stepsOf } from './model';

type Tone = Series['tone'];
type Value = (point: MetricPoint) => number | null | undefined;

const DAY_SECONDS = 86_400;
const PERCENTILES = [
  ['p50', 'success'],
  ['p95', 'warning'],
  ['p99', 'danger'],
] as const;

function useFormats() {
  const format = useFormatter();
  const t = useTranslations('metrics');
  return {
    count: (value: number) => format.number(value),
    millis: (value: number) =>
      value >= 1000
        ? t('seconds', { value: format.number(value / 1000, { maximumFractionDigits: 1 }) })
        : t('millis', {
            value: format.number(value, { maximumFractionDigits: value < 10 ? 1 : 0 }),
          }),
    bytes: (value: number) =>
      t('mebibytes', { value: format.number(value / 1_048_576, { maximumFractionDigits: 0 }) }),
    cpus: (value: number) => format.number(value, { style: 'percent', maximumFractionDigits: 1 }),
  };
}

/** What was counted, one subject a chart. */
export function Charts({ report }: { report: MetricsReport }) {
  const t = useTranslations('metrics');
  const format = useFormatter();
  const formats = useFormats();
  const steps = stepsOf(report);
  const span = Date.parse(report.to) - Date.parse(report.from);
  const times = steps.map(({ at }) =>
    format.dateTime(
      at,
      span > DAY_SECONDS * 1000 * 1.5
        ? { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }
        : { hour: '2-digit', minute: '2-digit' },
    ),
  );
  const one = (name: string, tone: Tone, value: Value): Series => ({
    name,
    tone,
    values: steps.map(({ point }) => (point ? (value(point) ?? null) : null)),
  });
  const percentiles = (of: 'request_ms' | 'first_token_ms' | 'append_ms') =>
    PERCENTILES.map(([name, tone]) => one(t(name), tone, (point) => point[of]?.[name]));
  const each = t('each', { minutes: report.step_seconds / 60 });
  return (
    <section aria-labelledby="metrics-over-time" className="grid gap-4 lg:grid-cols-2">
      <h2 id="metrics-over-time" className="sr-only">
        {t('overTime')}
      </h2>
      <Chart
        title={t('requests')}
        note={each}
        kind="bars"
        times={times}
        format={formats.count}
        series={[
          one(t('ok'), 'accent', (point) => point.requests_ok),
          one(t('refused'), 'warning', (point) => point.requests_refused),
          one(t('failed'), 'danger', (point) => point.requests_failed),
        ]}
      />
      <Chart
        title={t('requestTime')}
        note={t('requestTimeNote')}
        kind="lines"
        times={times}
        format={formats.millis}
        series={percentiles('request_ms')}
      />
      <Chart
        title={t('turns')}
        note={each}
        kind="bars"
        times={times}
        format={formats.count}
        series={[
          one(t('completed'), 'accent', (point) => point.turns_completed),
          one(t('stopped'), 'warning', (point) => point.turns_stopped),
          one(t('failed'), 'danger', (point) => point.turns_failed),
        ]}
      />
      <Chart
        title={t('firstToken')}
        note={t('firstTokenNote')}
        kind="lines"
        times={times}
        format={formats.millis}
        series={percentiles('first_token_ms')}
      />
      <Chart
        title={t('tokens')}
        note={each}
        kind="bars"
        times={times}
        format={formats.count}
        series={[
          one(t('read'), 'accent', (point) => point.input_tokens),
          one(t('written'), 'success', (point) => point.output_tokens),
        ]}
      />
      <Chart
        title={t('calls')}
        note={each}
        kind="bars"
        times={times}
        format={formats.count}
        series={[
          one(t('answered'), 'accent', (point) => point.calls_succeeded),
          one(t('refused'), 'warning', (point) => point.calls_refused),
          one(t('failed'), 'danger', (point) => point.calls_failed),
        ]}
      />
      <Chart
        title={t('open')}
        note={t('openNote')}
        kind="lines"
        times={times}
        format={formats.count}
        series={[
          one(t('running'), 'accent', (point) => point.turns_running),
          one(t('sockets'), 'success', (point) => point.sockets),
          one(t('streams'), 'warning', (point) => point.streams),
        ]}
      />
      <Chart
        title={t('append')}
        note={t('appendNote')}
        kind="lines"
        times={times}
        format={formats.millis}
        series={percentiles('append_ms')}
      />
      <Chart
        title={t('connections')}
        note={t('connectionsNote')}
        kind="lines"
        times={times}
        format={formats.count}
        series={[one(t('inUse'), 'accent', (point) => point.database_connections)]}
      />
      <Chart
        title={t('memory')}
        note={t('memoryNote')}
        kind="lines"
        times={times}
        format={formats.bytes}
        series={[one(t('inUse'), 'accent', (point) => point.memory_bytes)]}
      />
      <Chart
        title={t('cpu')}
        note={t('cpuNote')}
        kind="lines"
        times={times}
        format={formats.cpus}
        series={[one(t('inUse'), 'accent', (point) => point.cpus)]}
      />
      <Chart
        title={t('limited')}
        note={each}
        kind="bars"
        times={times}
        format={formats.count}
        series={[one(t('limitedName'), 'warning', (point) => point.rate_limited)]}
      />
    </section>
  );
}
