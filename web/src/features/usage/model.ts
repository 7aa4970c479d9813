import type { UsageRow, UsageTotals } from '@/platform/api/types';

/** The time that is looked at, in days up to today. */
export const RANGES = ['1', '7', '30', '90'] as const;
export type Range = (typeof RANGES)[number];

/** What the bars show. */
export const MEASURES = ['tokens', 'requests', 'cost'] as const;
export type Measure = (typeof MEASURES)[number];

const DAY_MS = 86_400_000;

/** The days of a range as the server counts them, in UTC, oldest first. */
export function daysOf(range: Range, now: Date): string[] {
  const count = Number(range);
  return Array.from({ length: count }, (_, at) =>
    new Date(now.getTime() - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10),
  );
}

const NOTHING: UsageTotals = {
  requests: 0,
  errors: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost: 0,
  unpriced_requests: 0,
};

function plus(a: UsageTotals, b: UsageTotals): UsageTotals {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cost: a.cost + b.cost,
    unpriced_requests: a.unpriced_requests + b.unpriced_requests,
  };
}

function summed(
  rows: readonly UsageRow[],
  key: (row: UsageRow) => string,
): Map<string, UsageTotals> {
  const sums = new Map<string, UsageTotals>();
  for (const row of rows) sums.set(key(row), plus(sums.get(key(row)) ?? NOTHING, row));
  return sums;
}

/** Every day of the range with what was used on it, also nothing. */
export function byDay(
  rows: readonly UsageRow[],
  days: readonly string[],
): { day: string; totals: UsageTotals }[] {
  const sums = summed(rows, ({ date }) => date);
  return days.map((day) => ({ day, totals: sums.get(day) ?? NOTHING }));
}

/** The models that were used, the most used first. */
export function byModel(rows: readonly UsageRow[]): { model: string; totals: UsageTotals }[] {
  return [...summed(rows, ({ model }) => model)]
    .map(([model, totals]) => ({ model, totals }))
    .sort((a, b) => measured(b.totals, 'tokens') - measured(a.totals, 'tokens'));
}

/** One number of what was used. */
export function measured(totals: UsageTotals, measure: Measure): number {
  switch (measure) {
    case 'tokens':
      return totals.input_tokens + totals.output_tokens;
    case 'requests':
      return totals.requests;
    case 'cost':
      return totals.cost;
  }
}
