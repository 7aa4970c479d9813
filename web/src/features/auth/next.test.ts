import { describe, expect, it } from 'vitest';
import { safeNext } from './next';

describe('where one goes after signing in', () => {
  it('is the page that was asked for, with what it named', () => {
    expect(safeNext('/chat?c=1')).toBe('/chat?c=1');
    expect(safeNext('/settings')).toBe('/settings');
  });

  it('is never another site, nor the sign-in again', () => {
    for (const bad of [
      null,
      '',
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      '/login?next=/login',
      '/register',
      '/setup',
    ]) {
      expect(safeNext(bad), String(bad)).toBe('/chat');
    }
  });
});
