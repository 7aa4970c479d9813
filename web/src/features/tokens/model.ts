import type { KeyUsage, KeyUsagePoint, NodeUsageReport } from '@/platform/api/types';

/** What is told apart: the last 24 hours, or the last 30 days. */
export const SPANS = ['hours', 'days'] as const;
export type Span = (typeof SPANS)[number];

const STEPS = {
  hours: { count: 24, ms: 3_600_000 },
  days: { count: 30, ms: 86_400_000 },
} as const;

/** Every hour or day of a key, also those without any use. */
export function stepsOf(
  report: NodeUsageReport,
  key: KeyUsage,
  span: Span,
): { at: Date; point: KeyUsagePoint | null }[] {
  const { count, ms } = STEPS[span];
  const from = Date.parse(span === 'hours' ? report.hours_from : report.days_from);
  const known = new Map(key[span].map((point) => [Date.parse(point.at), point]));
  return Array.from({ length: count }, (_, at) => ({
    at: new Date(from + at * ms),
    point: known.get(from + at * ms) ?? null,
  }));
}

/** The requests that went wrong, of whichever kind. */
export const errorsOf = (totals: Omit<KeyUsagePoint, 'at'>): number =>
  totals.unauthorized + totals.rate_limited + totals.server_errors + totals.other_errors;
