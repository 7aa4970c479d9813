import { describe, expect, it } from 'vitest';
import { fromMicro, microText, toCount, toMicro } from './money';

describe('amounts of money', () => {
  it('are millionths, with or without parted thousands', () => {
    expect(toMicro('2.5')).toBe(2_500_000);
    expect(toMicro(' 2.50 ')).toBe(2_500_000);
    expect(toMicro('1,250.5')).toBe(1_250_500_000);
    expect(toMicro('.15')).toBe(150_000);
    expect(toMicro('0')).toBe(0);
    expect(toMicro('0.000001')).toBe(1);
    // No amount that a number can only come near to loses a millionth.
    expect(toMicro('1.1')).toBe(1_100_000);
    expect(toMicro('4.35')).toBe(4_350_000);
  });

  it('are nothing else', () => {
    for (const text of ['', ' ', '-1', '1.2.3', 'two', '1e9', '.', '$3', '2,50', '1,0000']) {
      expect(toMicro(text), text).toBeNull();
    }
  });

  it('come back as they were', () => {
    for (const text of ['2.5', '0.15', '1000', '0', '0.000001']) {
      expect(microText(toMicro(text) ?? -1)).toBe(text);
    }
    expect(fromMicro(2_500_000)).toBe(2.5);
  });
});

describe('counts', () => {
  it('may be grouped as people group them', () => {
    expect(toCount('1,000,000')).toBe(1_000_000);
    expect(toCount('1 000')).toBe(1_000);
    expect(toCount('0')).toBe(0);
    expect(toCount('')).toBeNull();
    expect(toCount('1.5')).toBeNull();
    expect(toCount('1,5')).toBeNull();
    expect(toCount('-1')).toBeNull();
    expect(toCount('ten')).toBeNull();
  });
});
