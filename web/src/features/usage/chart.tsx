'use client';

import { useFormatter, useTranslations } from 'use-intl';
import type { UsageTotals } from '@/platform/api/types';
import { useAmounts } from './amounts';
import { MEASURES, type Measure, measured } from './model';

const HEIGHT = 160;
const STEP = 20;
const GAP = 5;

interface Day {
  day: string;
  totals: UsageTotals;
}

function useDay() {
  const format = useFormatter();
  // A day of the server is no moment in the reader's time zone.
  return (day: string) =>
    format.dateTime(new Date(`${day}T00:00:00Z`), {
      month: 'short',
      day: 'numeric',
      timeZone: 'UTC',
    });
}

/** Bars over days; who cannot see them opens the table below. */
export function Chart({ days, measure }: { days: readonly Day[]; measure: Measure }) {
  const name = useDay();
  const amount = useAmounts();
  const most = Math.max(...days.map(({ totals }) => measured(totals, measure)), 1);
  const first = days[0];
  const last = days.at(-1);
  return (
    <div aria-hidden="true">
      <p className="text-end text-muted text-xs">{amount(most, measure)}</p>
      <svg
        aria-hidden="true"
        viewBox={`0 0 ${days.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="mt-1 h-40 w-full border-line-strong border-b"
      >
        {days.map(({ day, totals }, at) => {
          const value = measured(totals, measure);
          // What is there at all can be seen.
          const height = value === 0 ? 0 : Math.max((value / most) * HEIGHT, 2);
          return (
            <g key={day} className="group">
              <title>{`${name(day)}: ${amount(value, measure)}`}</title>
              <rect
                x={at * STEP}
                y={0}
                width={STEP}
                height={HEIGHT}
                className="fill-transparent group-hover:fill-hover"
              />
              <rect
                x={at * STEP + GAP / 2}
                y={HEIGHT - height}
                width={STEP - GAP}
                height={height}
                className="fill-accent"
              />
            </g>
          );
        })}
      </svg>
      <p className="mt-1 flex justify-between text-muted text-xs">
        <span>{first && name(first.day)}</span>
        <span>{last && name(last.day)}</span>
      </p>
    </div>
  );
}

/** The same as numbers, newest day first. */
export function DayTable({ days }: { days: readonly Day[] }) {
  const t = useTranslations('usage');
  const name = useDay();
  const amount = useAmounts();
  return (
    <details className="text-sm">
      <summary className="w-fit rounded-xs text-accent-text">{t('asTable')}</summary>
      <section
        aria-label={t('byDay')}
        tabIndex={0}
        className="scroll-quiet mt-3 max-h-80 overflow-auto rounded-sm border border-line"
      >
        <table className="w-full">
          <thead className="sticky top-0 bg-card text-muted text-xs">
            <tr>
              <th scope="col" className="px-3 py-2 text-start font-medium">
                {t('day')}
              </th>
              {MEASURES.map((measure) => (
                <th key={measure} scope="col" className="px-3 py-2 text-end font-medium">
                  {t(`measure.${measure}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {[...days].reverse().map(({ day, totals }) => (
              <tr key={day}>
                <th scope="row" className="whitespace-nowrap px-3 py-2 text-start font-normal">
                  {name(day)}
                </th>
                {MEASURES.map((measure) => (
                  <td key={measure} className="px-3 py-2 text-end tabular-nums">
                    {amount(measured(totals, measure), measure)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
