import { describe, expect, it } from 'vitest';
import { sharedText } from './shared';

const of = (shared: Record<string, string>) => sharedText(`?${new URLSearchParams(shared)}`);

describe('what is shared', () => {
  it('becomes one text', () => {
    expect(of({ title: '제목', text: 'Read this', url: 'https://example.com/a' })).toBe(
      '제목\n\nRead this\n\nhttps://example.com/a',
    );
  });

  it('says nothing twice', () => {
    const text = 'A page https://example.com/a';
    expect(of({ title: 'A page', text, url: 'https://example.com/a' })).toBe(text);
  });

  it('is nothing where nothing was shared', () => {
    expect(of({})).toBeNull();
    expect(of({ title: ' ', text: '', c: '1' })).toBeNull();
  });
});
