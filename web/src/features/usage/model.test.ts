import { describe, expect, it } from 'vitest';
import type { UsageRow } from '@/platform/api/types';
import { byDay, byModel, daysOf, measured } from './model';

const row = (change: Partial<UsageRow>): UsageRow => ({
  date: '2026-11-22',
  model: 'a',
  requests: 1,
  errors: 0,
  input_tokens: 10,
  output_tokens: 5,
  cost: 7,
  unpriced_requests: 0,
  ...change,
});

describe('usage', () => {
  it('is counted by days in UTC, up to today, over the end of a month', () => {
    // 08:30 on the 1st in Seoul is still the day before in UTC.
    const now = new Date('2026-12-01T08:30:00+09:00');
    expect(daysOf('1', now)).toEqual(['2026-11-30']);
    expect(daysOf('7', now).at(0)).toBe('2026-11-24');
    expect(daysOf('90', now)).toHaveLength(90);
  });

  it('has every day, also those without any', () => {
    const days = byDay(
      [row({}), row({ model: 'b', input_tokens: 1 })],
      ['2026-11-21', '2026-11-22'],
    );
    expect(days.map(({ totals }) => measured(totals, 'tokens'))).toEqual([0, 21]);
    expect(days.map(({ totals }) => measured(totals, 'requests'))).toEqual([0, 2]);
  });

  it('names the most used model first', () => {
    const models = byModel([
      row({}),
      row({ model: 'b', output_tokens: 500 }),
      row({ date: '2026-11-21' }),
    ]);
    expect(models.map(({ model, totals }) => [model, totals.cost])).toEqual([
      ['b', 7],
      ['a', 14],
    ]);
  });
});
