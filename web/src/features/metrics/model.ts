import type { MetricPoint, MetricsReport } from '@/platform/api/types';

/** The time that is looked at, in hours up to now. */
export const RANGES = ['1', '24', '168', '720'] as const;
export type Range = (typeof RANGES)[number];

const HOUR_MS = 3_600_000;

/** When a range begins. */
export const beginOf = (range: Range, now: Date): string =>
  new Date(now.getTime() - Number(range) * HOUR_MS).toISOString();

/** Every step of a report, and what is known of it: `null` where nothing is. */
export function stepsOf(report: MetricsReport): { at: Date; point: MetricPoint | null }[] {
  const known = new Map(report.points.map((point) => [Date.parse(point.at), point]));
  const steps: { at: Date; point: MetricPoint | null }[] = [];
  const to = Date.parse(report.to);
  for (let at = Date.parse(report.from); at < to; at += report.step_seconds * 1000) {
    steps.push({ at: new Date(at), point: known.get(at) ?? null });
  }
  return steps;
}
