import { beforeEach, describe, expect, it } from 'vitest';
import { isSet, levelOf, NewOptionsStore } from './options';

beforeEach(() => sessionStorage.clear());

describe('the options of a chat that is not begun', () => {
  it('survive a refresh, a default that was not touched included', () => {
    const store = new NewOptionsStore();
    expect(store.get()).toBeNull();
    store.set({ thinking: 'low', temperature: 0.5 });
    expect(new NewOptionsStore().get()).toEqual({ thinking: 'low', temperature: 0.5 });
    store.set({ thinking: null, temperature: null, instructions: null });
    expect(new NewOptionsStore().get()).toHaveProperty('instructions', null);
    store.set(null);
    expect(new NewOptionsStore().get()).toBeNull();
  });

  it('are none where the storage holds something else', () => {
    sessionStorage.setItem('openmake.options', '{"thinking":"wild","temperature":"hot"}');
    expect(new NewOptionsStore().get()).toEqual({ thinking: null, temperature: null });
    sessionStorage.setItem('openmake.options', '{');
    expect(new NewOptionsStore().get()).toBeNull();
  });

  it('are marked when there are any, zero among them', () => {
    const none = { thinking: null, temperature: null, instructions: null };
    expect(isSet(none)).toBe(false);
    expect(isSet({ ...none, temperature: 0 })).toBe(true);
    expect(levelOf('high')).toBe('high');
    expect(levelOf(undefined)).toBeNull();
  });
});
