import { describe, expect, it } from 'vitest';
import { readView, viewPath } from './filter';
import { inTurns } from './in-turns';

describe('the address of a view', () => {
  it('says what is shown, and comes back as that', () => {
    for (const view of [
      { text: '', filter: 'active' },
      { text: '날씨 & sun', filter: 'archived' },
      { text: '', filter: 'deleted' },
    ] as const) {
      const path = viewPath(view);
      expect(readView(new URL(path, 'http://here').searchParams)).toEqual(view);
    }
    expect(viewPath({ text: '', filter: 'active' })).toBe('/history');
  });

  it('is the usual one where nobody knows what it asks for', () => {
    expect(readView(new URLSearchParams('filter=constructor')).filter).toBe('active');
    expect(readView(new URLSearchParams({ q: 'a'.repeat(300) })).text).toHaveLength(200);
  });
});

describe('many at once', () => {
  it('are done a few at a time, and one that fails stops no other', async () => {
    let running = 0;
    let most = 0;
    const { done, error } = await inTurns(['a', 'b', 'c', 'd', 'e', 'f'], async (id) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      if (id === 'c') throw new Error('no');
      return id.toUpperCase();
    });
    expect(done.map(({ result }) => result).sort()).toEqual(['A', 'B', 'D', 'E', 'F']);
    expect(error).toBeInstanceOf(Error);
    expect(most).toBeLessThanOrEqual(4);
  });
});
