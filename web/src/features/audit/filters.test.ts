import { describe, expect, it } from 'vitest';
import { dayBegin, filtersOf, NO_FILTERS, queryOf } from './filters';

describe('the filters of the trail', () => {
  it('stand in the address', () => {
    const query = new URLSearchParams('action=user.login&from=2026-11-23&outcome=');
    expect(filtersOf(query)).toEqual({ ...NO_FILTERS, action: 'user.login', from: '2026-11-23' });
  });

  it('take whole days of the reader, the last one with it', () => {
    const asked = queryOf({ ...NO_FILTERS, from: '2026-11-30', to: '2026-11-30' });
    expect(asked.from).toBe(new Date(2026, 10, 30).toISOString());
    expect(asked.to).toBe(new Date(2026, 11, 1).toISOString());
    expect(dayBegin('yesterday', 0)).toBeNull();
    expect(dayBegin(null, 1)).toBeNull();
  });
});
