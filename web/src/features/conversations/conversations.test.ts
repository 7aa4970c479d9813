import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import { keys } from '@/platform/query/keys';
import { conversation } from '@/testing/builders';
import { ManualTimers } from '@/testing/timers';
import { changeHandler } from './live';
import { groupConversations, highlighted } from './model';

describe('the list', () => {
  const now = new Date(2026, 10, 23, 9, 0);
  const at = (days: number, hour = 12) => new Date(2026, 10, 23 - days, hour).toISOString();

  it('groups by the days of the device, pinned first', () => {
    const groups = groupConversations(
      [
        conversation({ id: 'old pinned', pinned: true, updated_at: at(90) }),
        conversation({ id: 'this morning', updated_at: at(0, 1) }),
        conversation({ id: 'last night', updated_at: at(1, 23) }),
        conversation({ id: 'last week', updated_at: at(5) }),
        conversation({ id: 'this month', updated_at: at(20) }),
        conversation({ id: 'long ago', updated_at: at(200) }),
      ],
      now,
    );
    expect(groups.map(({ group, items }) => [group, items.map(({ id }) => id)])).toEqual([
      ['pinned', ['old pinned']],
      ['today', ['this morning']],
      ['yesterday', ['last night']],
      ['week', ['last week']],
      ['month', ['this month']],
      ['older', ['long ago']],
    ]);
  });

  it('shows a row that moved between two pages once', () => {
    const twice = conversation({ id: 'a', updated_at: at(0, 1) });
    expect(groupConversations([twice, twice], now)[0]?.items).toHaveLength(1);
  });
});

describe('an excerpt', () => {
  it('is marked where the search matched, in UTF-16 units', () => {
    expect(highlighted('😀 안녕하세요', [{ start: 3, end: 5 }])).toEqual([
      { text: '😀 ', marked: false, at: 0 },
      { text: '안녕', marked: true, at: 3 },
      { text: '하세요', marked: false, at: 5 },
    ]);
  });

  it('keeps its text whatever the ranges are', () => {
    const wrong = [
      { start: 5, end: 2 },
      { start: 1, end: 3 },
      { start: 2, end: 4 },
      { start: 3, end: 99 },
    ];
    expect(
      highlighted('abcdef', wrong)
        .map(({ text }) => text)
        .join(''),
    ).toBe('abcdef');
  });
});

describe('what changed elsewhere', () => {
  function setup() {
    const client = new QueryClient();
    const timers = new ManualTimers();
    const stale = (key: readonly unknown[]) => client.getQueryState(key)?.isInvalidated === true;
    client.setQueryData(keys.conversation('c'), conversation({ id: 'c', version: 5 }));
    client.setQueryData(keys.messages('c'), []);
    client.setQueryData(keys.messages('other'), []);
    client.setQueryData(keys.conversations('active'), { pages: [], pageParams: [] });
    return { client, timers, stale, handle: changeHandler({ client, ...timers }) };
  }

  it('is read again, and only that', () => {
    const { handle, stale, timers } = setup();
    handle({ type: 'conversation.changed', id: 'c', version: 6 });
    expect(stale(keys.conversation('c'))).toBe(true);
    expect(stale(keys.messages('c'))).toBe(true);
    expect(stale(keys.messages('other'))).toBe(false);
    timers.advance(300);
    expect(stale(keys.conversations('active'))).toBe(true);
  });

  it('costs nothing when it is known already, or comes late', () => {
    const { handle, stale, timers } = setup();
    for (const version of [5, 4, 1]) handle({ type: 'conversation.changed', id: 'c', version });
    timers.advance(1_000);
    expect(stale(keys.conversation('c'))).toBe(false);
    expect(stale(keys.conversations('active'))).toBe(false);
  });

  it('gathers many changes into one read of the lists', () => {
    const { handle, timers } = setup();
    for (let version = 6; version < 30; version += 1) {
      handle({ type: 'conversation.changed', id: 'c', version });
    }
    expect(timers.pending).toBe(1);
  });
});
