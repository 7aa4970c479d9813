import { describe, expect, it } from 'vitest';
import type { Limit } from '@/platform/api/types';
import { amountOf, changesOf, textOf } from './amount';

const turns: Limit = {
  name: 'turns_per_minute',
  value: 20,
  configured: 60,
  minimum: 1,
  maximum: 1_000_000,
};
const image: Limit = {
  name: 'image_bytes',
  value: null,
  configured: 8_388_608,
  minimum: 65_536,
  maximum: 8_388_608,
};

describe('limits', () => {
  it('are counts within their bounds, and pictures KiB', () => {
    expect(amountOf(turns, ' 1,000 ')).toBe(1_000);
    expect(amountOf(image, '64')).toBe(65_536);
    expect(amountOf(image, '')).toBeNull();
    for (const text of ['0', '-1', '1.5', 'many', '1000001']) {
      expect(amountOf(turns, text), text).toBeUndefined();
    }
    expect(textOf({ ...image, value: 2_097_152 })).toBe('2048');
    expect(textOf(image)).toBe('');
  });

  it('are sent as far as they change', () => {
    const limits = [turns, image];
    expect(changesOf(limits, {})).toEqual([]);
    expect(changesOf(limits, { turns_per_minute: ' 20' })).toEqual([]);
    expect(changesOf(limits, { turns_per_minute: '', image_bytes: '1024' })).toEqual([
      { name: 'turns_per_minute', value: null },
      { name: 'image_bytes', value: 1_048_576 },
    ]);
    expect(changesOf(limits, { turns_per_minute: '5', image_bytes: '1' })).toBeNull();
  });
});
