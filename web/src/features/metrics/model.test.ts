import { describe, expect, it } from 'vitest';
import type { MetricPoint, MetricsReport } from '@/platform/api/types';
import { beginOf, stepsOf } from './model';

const point = (at: string) => ({ at, requests_ok: 1 }) as MetricPoint;

describe('figures over time', () => {
  it('have every step, also those of which nothing is known', () => {
    const report = {
      from: '2026-11-23T10:00:00Z',
      to: '2026-11-23T10:03:30Z',
      step_seconds: 60,
      points: [point('2026-11-23T10:00:00Z'), point('2026-11-23T10:03:00.000Z')],
    } as MetricsReport;
    expect(stepsOf(report).map((step) => step.point?.requests_ok ?? null)).toEqual([
      1,
      null,
      null,
      1,
    ]);
  });

  it('begin as long ago as asked', () => {
    expect(beginOf('24', new Date('2026-11-23T10:00:00Z'))).toBe('2026-11-22T10:00:00.000Z');
  });
});
