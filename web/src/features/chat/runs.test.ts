import { beforeEach, describe, expect, it } from 'vitest';
import type { Watcher } from '@/platform/live/connection';
import { events, wholeTurn } from '@/testing/builders';
import { ManualTimers } from '@/testing/timers';
import { type RunEnd, RunStore } from './runs';

const PLACE = { turnId: 't', conversationId: 'c', messageId: 'a' };

class FakeLive {
  watchers = new Map<string, Watcher>();
  resumed: string[] = [];
  watch = (turnId: string, watcher: Watcher) => {
    this.watchers.set(turnId, watcher);
    return () => {
      this.watchers.delete(turnId);
    };
  };
  resume = (turnId: string) => {
    this.resumed.push(turnId);
  };
}

describe('the store of running answers', () => {
  let live: FakeLive;
  let timers: ManualTimers;
  let store: RunStore;
  let flushes: number;
  let ends: RunEnd[];

  beforeEach(() => {
    live = new FakeLive();
    timers = new ManualTimers();
    flushes = 0;
    ends = [];
    store = new RunStore({ live, ...timers, now: timers.now });
    store.subscribe('t', () => {
      flushes += 1;
    });
    store.onEnd((end) => ends.push(end));
    store.follow(PLACE);
    flushes = 0;
  });

  const send = (all: ReturnType<typeof wholeTurn>) => {
    for (const event of all) live.watchers.get('t')?.onEvent(event);
  };

  it('tells who looks at most twenty times a second, whatever comes in', () => {
    const tokens = events(
      't',
      Array.from({ length: 1_000 }, () => ({ type: 'text.delta' as const, text: 'x' })),
    );
    for (const token of tokens) {
      send([token]);
      timers.advance(1);
    }
    expect(flushes).toBeGreaterThan(10);
    expect(flushes).toBeLessThanOrEqual(21);
    timers.advance(50);
    expect(store.get('t')?.text).toHaveLength(1_000);
  });

  it('shows nothing new between two flushes', () => {
    send(wholeTurn('t').slice(0, 7));
    timers.advance(0);
    const shown = store.get('t');
    send(wholeTurn('t').slice(7, 8));
    expect(store.get('t')).toBe(shown);
    timers.advance(50);
    expect(store.get('t')?.text).toBe('답은 2');
  });

  it('hands the whole answer over at its end, at once and once', () => {
    send([...wholeTurn('t'), ...wholeTurn('t')]);
    expect(ends).toHaveLength(1);
    expect(ends[0]?.run?.text).toBe('답은 2입니다.');
    expect(live.watchers.size).toBe(0);
    expect(store.get('t')?.status).toBe('complete');
    expect(timers.pending).toBe(0);
  });

  it('asks for what is missing once, not for every event that follows', () => {
    const whole = wholeTurn('t');
    send(whole.slice(0, 2));
    send(whole.slice(4));
    expect(live.resumed).toEqual(['t']);
    timers.advance(2_000);
    send(whole.slice(5, 6));
    expect(live.resumed).toEqual(['t', 't']);
    send(whole.slice(2));
    expect(ends[0]?.run?.text).toBe('답은 2입니다.');
  });

  it('resumes from what it has', () => {
    send(wholeTurn('t').slice(0, 5));
    expect(live.watchers.get('t')?.after()).toBe(5);
  });

  it('gives up a turn that the server does not know', () => {
    live.watchers.get('t')?.onRefused('not_found');
    expect(ends).toEqual([{ place: PLACE, run: null }]);
    store.drop('t');
    store.follow(PLACE);
    expect(live.watchers.size).toBe(0);
  });

  it('follows a turn once', () => {
    const watcher = live.watchers.get('t');
    store.follow(PLACE);
    expect(live.watchers.get('t')).toBe(watcher);
  });

  it('forgets all at the end of a session', () => {
    send(wholeTurn('t').slice(0, 7));
    store.clear();
    expect(store.get('t')).toBeNull();
    expect(live.watchers.size).toBe(0);
    expect(timers.pending).toBe(0);
  });
});
