import { describe, expect, it } from 'vitest';
import { inTurns } from '@/features/conversations';
import { isTurnedRound, narrowingOf, readView, viewPath, WHOLE } from './filter';

describe('the address of a view', () => {
  it('says what is shown, and comes back as that', () => {
    for (const view of [
      { text: '', filter: 'active', ...WHOLE },
      { text: '날씨 & sun', filter: 'archived', ...WHOLE },
      { text: '', filter: 'deleted', ...WHOLE, sort: 'title' },
      { text: '', filter: 'active', sort: 'oldest', pinned: true, from: '2026-01-31', to: '' },
    ] as const) {
      const path = viewPath(view);
      expect(readView(new URL(path, 'http://here').searchParams)).toEqual(view);
    }
    expect(viewPath({ text: '', filter: 'active', ...WHOLE })).toBe('/history');
  });

  it('is the usual one where nobody knows what it asks for', () => {
    expect(readView(new URLSearchParams('filter=constructor')).filter).toBe('active');
    expect(readView(new URLSearchParams({ q: 'a'.repeat(300) })).text).toHaveLength(200);
    const odd = readView(new URLSearchParams('sort=length&pinned=yes&from=yesterday&to=2026-1-1'));
    expect(odd).toMatchObject(WHOLE);
  });
});

describe('what narrows a list', () => {
  const view = { text: '', filter: 'active', ...WHOLE } as const;

  it('is whole days of this device', () => {
    expect(narrowingOf(view)).toEqual({});
    expect(narrowingOf({ ...view, from: '2026-02-27', to: '2026-02-28' })).toEqual({
      from: new Date(2026, 1, 27).toISOString(),
      to: new Date(2026, 2, 1).toISOString(),
    });
    expect(narrowingOf({ ...view, pinned: true, sort: 'title' })).toEqual({
      pinned: true,
      sort: 'title',
    });
  });

  it('has its days in their order', () => {
    expect(isTurnedRound({ ...view, from: '2026-02-02', to: '2026-02-01' })).toBe(true);
    expect(isTurnedRound({ ...view, from: '2026-02-01', to: '2026-02-01' })).toBe(false);
    expect(isTurnedRound({ ...view, from: '2026-02-02' })).toBe(false);
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
