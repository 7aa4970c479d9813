import { describe, expect, it } from 'vitest';
import type { KeyUsage, KeyUsagePoint, NodeUsageReport } from '@/platform/api/types';
import { errorsOf, stepsOf } from './model';

const point = (at: string): KeyUsagePoint => ({
  at,
  requests: 7,
  succeeded: 2,
  unauthorized: 1,
  rate_limited: 1,
  server_errors: 1,
  other_errors: 1,
  input_tokens: 10,
  output_tokens: 20,
});

const report = {
  hours_from: '2026-11-22T11:00:00Z',
  days_from: '2026-10-25T00:00:00Z',
} as NodeUsageReport;

describe('the use of a key', () => {
  it('has every hour and day', () => {
    const key = {
      hours: [point('2026-11-23T10:00:00Z')],
      days: [point('2026-10-25T00:00:00Z'), point('2026-11-23T00:00:00Z')],
    } as KeyUsage;
    const used = (span: 'hours' | 'days') =>
      stepsOf(report, key, span).flatMap(({ point: found }, at) => (found ? [at] : []));
    expect(used('hours')).toEqual([23]);
    expect(used('days')).toEqual([0, 29]);
    expect(stepsOf(report, key, 'hours')).toHaveLength(24);
  });

  it('knows what went wrong, and leaves out what was broken off', () => {
    expect(errorsOf(point('2026-11-23T10:00:00Z'))).toBe(4);
  });
});
