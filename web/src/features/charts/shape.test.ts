import { describe, expect, it } from 'vitest';
import { gapsOf, pathOf, type Series, topOf } from './shape';

const series = (...values: (number | null)[]): Series => ({ name: 'a', tone: 'accent', values });

describe('a chart', () => {
  it('is as high as its highest bar or line', () => {
    const both = [series(1, 5, null), series(2, 1, 4)];
    expect(topOf(both, 'bars')).toBe(6);
    expect(topOf(both, 'lines')).toBe(5);
    expect(topOf([series(0, null)], 'lines')).toBe(1);
    expect(topOf([], 'bars')).toBe(1);
  });

  it('breaks its lines where nothing is known', () => {
    expect(pathOf([0, 10, null, 5, null, null, 10, 0], 10)).toBe(
      'M5 120L15 0M30 60h10M65 0L75 120',
    );
    expect(pathOf([null, null], 10)).toBe('');
  });

  it('knows its gaps', () => {
    const both = [series(null, null, 1, null), series(null, null, null, null)];
    expect(gapsOf(both)).toEqual([
      { from: 0, count: 2 },
      { from: 3, count: 1 },
    ]);
    expect(gapsOf([series(0, 1)])).toEqual([]);
  });
});
