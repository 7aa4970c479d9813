import { describe, expect, it } from 'vitest';
import { isLocale, negotiate } from './locales';

describe('the language', () => {
  it('is the first of ours that the browser asks for', () => {
    for (const [wanted, locale] of [
      [['ko-KR', 'en'], 'ko'],
      [['fr', 'ja-JP'], 'ja'],
      [['zh-TW'], 'zh-CN'],
      [['zh-CN'], 'zh-CN'],
      [['en-GB'], 'en'],
      [['fr'], 'en'],
      [[], 'en'],
    ] as const) {
      expect(negotiate(wanted), wanted.join()).toBe(locale);
    }
  });

  it('is one of ours', () => {
    expect(isLocale('ko')).toBe(true);
    for (const other of ['toString', 'fr', '', null, undefined])
      expect(isLocale(other)).toBe(false);
  });
});
